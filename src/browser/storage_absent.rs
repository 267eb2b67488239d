//! The server keeps nothing for a browser.

/// Nothing was kept.
pub fn read(_name: &str) -> Option<String> {
    None
}

/// Keeps nothing.
pub fn write(_name: &str, _text: &str) -> bool {
    false
}
