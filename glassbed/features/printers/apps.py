from django.apps import AppConfig


class PrintersConfig(AppConfig):
    name = "glassbed.features.printers"
    label = "printers"
