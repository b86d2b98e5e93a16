from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "glassbed.features.library"
    label = "library"
