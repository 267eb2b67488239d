//! The browser's page on the server, where there is none. Effects ask these, and none runs on the server.

/// No clock: the server's data carry their own times.
pub fn now_ms() -> i64 {
    0
}

/// Nobody looks.
pub fn is_visible() -> bool {
    false
}

/// Nobody presses one.
pub fn takes_keys(_event: &leptos::ev::KeyboardEvent) -> bool {
    true
}

/// Not known before a browser asks.
pub fn host() -> Option<String> {
    None
}

/// Does nothing.
pub fn replace_address(_url: &str) {}

/// Has no history.
pub fn back() {}

/// Has no clipboard.
#[expect(clippy::unused_async, reason = "as in the browser")]
pub async fn copy(_text: &str) -> bool {
    false
}

/// Has no position.
pub fn ask_position(answer: impl FnOnce(Result<(f64, f64), &'static str>) + Clone + 'static) {
    answer(Err("The server has no position."));
}
