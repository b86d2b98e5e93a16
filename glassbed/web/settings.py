"""Django's settings, made from the instance's own (`foundation.config`). There is one settings module."""

import os
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from glassbed.foundation.config import Config
from glassbed.foundation.instance import Instance

GLASSBED = Config.load()
INSTANCE = Instance(GLASSBED)
HOME = GLASSBED.home

GLASSBED_PACK = INSTANCE.pack
GLASSBED_ROLES = INSTANCE.roles
GLASSBED_CONTEXT_SECRET = GLASSBED.secret("context")
GLASSBED_SURFACE = os.environ.get("GB_SURFACE", "prepare")
GLASSBED_PRIVACY = [
    "glassbed.foundation.privacy",
    "glassbed.features.accounts.privacy",
    "glassbed.features.trust.privacy",
    "glassbed.features.printers.privacy",
    "glassbed.features.library.privacy",
    "glassbed.features.jobs.privacy",
    "glassbed.features.traces.privacy",
]
GLASSBED_VIEW_PURPOSES = {
    "allauth.account.views": "sign_in",
    "django.views.i18n": "no_data",
    "django.views.static": "no_data",
}

SECRET_KEY = GLASSBED.secret("django").hex()
DEBUG = False
_public = urlsplit(GLASSBED.public_url)
SECURE = _public.scheme == "https"
ALLOWED_HOSTS = [
    _public.hostname or "localhost",
    "localhost",
    "127.0.0.1",
    "[::1]",
]  # this machine itself too
CSRF_TRUSTED_ORIGINS = [GLASSBED.public_url]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.forms",
    "django.contrib.staticfiles",
    "django_cotton.apps.SimpleAppConfig",
    "allauth",
    "allauth.account",
    "glassbed.foundation.apps.FoundationConfig",
    "glassbed.features.accounts.apps.AccountsConfig",
    "glassbed.features.trust.apps.TrustConfig",
    "glassbed.features.printers.apps.PrintersConfig",
    "glassbed.features.library.apps.LibraryConfig",
    "glassbed.features.jobs.apps.JobsConfig",
    "glassbed.features.traces.apps.TracesConfig",
    "glassbed.web.apps.WebConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "glassbed.web.middleware.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",  # serves what tools/assets.py compressed
    "glassbed.web.middleware.CompressedPages",
    "glassbed.web.middleware.SessionInPurpose",
    "glassbed.web.middleware.language_and_time_zone",
    "glassbed.web.middleware.browsers_signal",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "csp.middleware.CSPMiddleware",
    "glassbed.web.middleware.ViewInPurpose",
]

ROOT_URLCONF = "glassbed.web.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [str(INSTANCE.package / "web" / "templates")],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "glassbed.web.context.page",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {"default": INSTANCE.database("web" if GLASSBED_SURFACE == "prepare" else GLASSBED_SURFACE)}
if GLASSBED_SURFACE == "prepare":  # and `manage`; who serves knows nothing of the deploy login
    DATABASES["owner"] = INSTANCE.owner_database()
DATABASE_ROUTERS = ["glassbed.foundation.routing.MigrationsAsOwner"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

ACCOUNT_ADAPTER = "glassbed.features.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to somebody who has no account and asked for nothing
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"

SESSION_ENGINE = "glassbed.features.accounts.sessions"
SESSION_COOKIE_NAME = "glassbed_session"
SESSION_COOKIE_AGE = GLASSBED_PACK.storage["glassbed_session"].lifetime_days * 86_400
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "glassbed_csrf"
CSRF_COOKIE_AGE = GLASSBED_PACK.storage["glassbed_csrf"].lifetime_days * 86_400
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "glassbed.web.errors.csrf_failed"
LANGUAGE_COOKIE_NAME = "glassbed_language"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_HSTS_SECONDS = 31_536_000 if GLASSBED.tls == "files" else 0  # never pinned on a private authority
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if GLASSBED.trusted_proxy else None
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

EMAIL_BACKEND = "glassbed.foundation.mail.OutboxBackend"
DEFAULT_FROM_EMAIL = GLASSBED.mail_from or f"glassbed@{_public.hostname}"

LANGUAGES = [("en", _("English")), ("de", _("German")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_CODE = "en"
LOCALE_PATHS = [INSTANCE.package / "web" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = INSTANCE.package / "web" / "static"  # no other app's files: no third-party page is served
WHITENOISE_MAX_AGE = 0  # asked again each time, answered with 304: an update shows at once

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["glassbed.features.library.upload.RefuseFiles"]

LOGGING_CONFIG = "glassbed.foundation.log.configure"
LOGGING = {"level": GLASSBED.log_level, "fields": tuple(GLASSBED_PACK.log.fields)}
