"""The site: settings, middleware, pages that compose features, and the design system."""
