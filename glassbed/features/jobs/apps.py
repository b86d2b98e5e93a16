from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "glassbed.features.jobs"
    label = "jobs"
