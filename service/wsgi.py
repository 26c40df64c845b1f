"""What gunicorn serves."""

from service.app import create_app
from service.logs import configure

configure()
application = create_app()
