from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "glassbed.features.accounts"
    label = "accounts"
