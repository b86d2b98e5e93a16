from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "glassbed.web"
    label = "web"

    def ready(self) -> None:
        from glassbed import wiring
        from glassbed.web import checks  # registers the system checks

        assert checks
        wiring.connect()
