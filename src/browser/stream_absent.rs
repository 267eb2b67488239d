//! The live stream on the server, where there is none: pages are rendered from a snapshot.

use super::connection::StreamEvent;
use crate::model::frame::Subscription;

/// No stream.
pub struct Stream;

/// Nothing to watch.
pub struct Watch;

/// Opens nothing.
pub fn open(_subscription: Subscription, _tell: impl Fn(StreamEvent) + 'static) -> (Stream, Watch) {
    (Stream, Watch)
}

impl Stream {
    /// Does nothing.
    pub fn subscribe(&self, _subscription: Subscription) {}

    /// Does nothing.
    pub fn set_paused(&self, _is_paused: bool) {}
}
