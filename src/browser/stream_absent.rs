//! The stream on the server, where there is none: pages are rendered from a snapshot.

use super::connection::StreamEvent;
use crate::model::frame::Request;

/// No stream.
pub struct Stream;

/// Nothing to watch.
pub struct Watch;

/// Opens nothing.
pub fn open(
    _begin: impl Fn() -> Vec<Request> + 'static,
    _tell: impl Fn(StreamEvent) + 'static,
) -> (Stream, Watch) {
    (Stream, Watch)
}

impl Stream {
    /// Asks nobody.
    pub fn send(&self, _request: &Request) -> bool {
        false
    }

    /// Does nothing.
    pub fn expect_silence(&self) {}
}
