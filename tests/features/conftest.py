"""Django is set up before the tests here import models."""

import instance

assert instance
