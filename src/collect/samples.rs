//! Messages made by hand, for tests.
