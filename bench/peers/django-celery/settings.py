"""Django with nothing that this does not need: no database, no sessions, no middleware to pay for."""

import os

SECRET_KEY = "only for measuring"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "web"
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
USE_TZ = True

REDIS_URL = f"redis://{os.environ['REDIS_ADDRESS']}/0"

# Celery reads these. Tasks are acknowledged when they are done, as Celery's own guide asks of tasks that may be repeated:
# with the default, what a killed worker had taken is lost. What is not acknowledged comes back after an hour (the
# default; shorter would start long tasks twice).
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_POOL_LIMIT = 64
