from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "glassbed.features.traces"
    label = "traces"
