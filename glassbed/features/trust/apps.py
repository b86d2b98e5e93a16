from django.apps import AppConfig


class TrustConfig(AppConfig):
    name = "glassbed.features.trust"
    label = "trust"
