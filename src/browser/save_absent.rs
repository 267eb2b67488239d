//! Saving on the server: nobody is there to save. Only events of a browser ask for it.

/// Saves nothing.
pub fn text(_name: &str, _kind: &str, _text: &str) {}

/// Draws nothing.
#[expect(clippy::unused_async, reason = "as in the browser")]
pub async fn png(_name: &str, _svg: &str, _size: (u32, u32)) -> bool {
    false
}

/// Fetches nothing.
#[expect(clippy::unused_async, reason = "as in the browser")]
pub async fn fetch_text(_path: &str) -> Option<String> {
    None
}

/// Knows no colours.
pub fn token(_name: &str) -> String {
    String::new()
}
