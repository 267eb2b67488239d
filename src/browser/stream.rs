//! The stream in the browser: one WebSocket that comes back by itself.
//!
//! After every connection the page says again what it wants. A connection that says nothing for [`patience_ms`] is given
//! up, unless the page knows that there is nothing to say. Dropping the stream ends everything.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use js_sys::{ArrayBuffer, Date, Math, Uint8Array};
use leptos::leptos_dom::helpers::{
    IntervalHandle, TimeoutHandle, WindowListenerHandle, set_interval_with_handle, set_timeout_with_handle,
    window, window_event_listener_untyped,
};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, MessageEvent, VisibilityState, WebSocket};

use super::connection::{Connection, StreamEvent, patience_ms, wait_ms};
use crate::model::frame::{Message, POSTCARD_SUBPROTOCOL, Request};

/// An open stream; it closes when dropped.
pub struct Stream(Rc<Inner>);

struct Inner {
    tell: Box<dyn Fn(StreamEvent)>,
    begin: Box<dyn Fn() -> Vec<Request>>,
    /// True while the server has nothing to say, so that silence is no fault.
    is_quiet: Cell<bool>,
    attempts: Cell<u32>,
    heard_ms: Cell<f64>,
    has_spoken: Cell<bool>,
    socket: RefCell<Option<Socket>>,
    retry: Cell<Option<TimeoutHandle>>,
}

/// A socket and the closures it calls, which have to live as long.
struct Socket {
    connection: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.connection.set_onopen(None);
        self.connection.set_onmessage(None);
        self.connection.set_onclose(None);
        // Fails only for a bad close code, and there is none.
        drop(self.connection.close());
    }
}

/// The timers and listeners of a stream, ended with it.
pub struct Watch {
    interval: Option<IntervalHandle>,
    listeners: Vec<WindowListenerHandle>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(interval) = self.interval.take() {
            interval.clear();
        }
        for listener in self.listeners.drain(..) {
            listener.remove();
        }
    }
}

/// Opens the stream. `begin` says what is asked for first, whenever there is a connection; `tell` is called for every
/// message and every change of the connection.
///
/// Both halves of the answer have to be kept as long as the stream is wanted.
pub fn open(
    begin: impl Fn() -> Vec<Request> + 'static,
    tell: impl Fn(StreamEvent) + 'static,
) -> (Stream, Watch) {
    let inner = Rc::new(Inner {
        tell: Box::new(tell),
        begin: Box::new(begin),
        is_quiet: Cell::new(false),
        attempts: Cell::new(0),
        heard_ms: Cell::new(0.0),
        has_spoken: Cell::new(false),
        socket: RefCell::new(None),
        retry: Cell::new(None),
    });
    inner.connect();
    let watch = watch(&inner);
    (Stream(inner), watch)
}

impl Stream {
    /// Asks for something. False while there is no connection: what `begin` says is asked for when there is one.
    pub fn send(&self, request: &Request) -> bool {
        if self.0.is_quiet.replace(false) {
            self.0.heard_ms.set(Date::now());
        }
        self.0.send(request)
    }

    /// Silence is no fault until something is asked for or said again.
    pub fn expect_silence(&self) {
        self.0.is_quiet.set(true);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Inner {
    fn connect(self: &Rc<Self>) {
        self.forget_retry();
        self.heard_ms.set(Date::now());
        self.has_spoken.set(false);
        self.is_quiet.set(false);
        let Some(socket) = address().and_then(|url| WebSocket::new_with_str(&url, POSTCARD_SUBPROTOCOL).ok())
        else {
            self.lost();
            return;
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        let on_open = listener(self, Self::opened);
        let on_close = listener(self, Self::lost);
        let weak = Rc::downgrade(self);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(inner) = weak.upgrade() {
                inner.heard(&event);
            }
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let earlier = self.socket.replace(Some(Socket {
            connection: socket,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        }));
        drop(earlier);
    }

    fn opened(self: &Rc<Self>) {
        for request in (self.begin)() {
            self.send(&request);
        }
    }

    fn heard(self: &Rc<Self>, event: &MessageEvent) {
        self.heard_ms.set(Date::now());
        self.has_spoken.set(true);
        self.is_quiet.set(false);
        let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() else { return };
        let bytes = Uint8Array::new(&buffer).to_vec();
        match postcard::from_bytes::<Message>(&bytes) {
            Ok(message) => {
                if self.attempts.replace(0) > 0 || !matches!(message, Message::Frame(_)) {
                    (self.tell)(StreamEvent::Connection(Connection::Open));
                }
                (self.tell)(StreamEvent::Message(Box::new(message)));
            }
            // The server is of another version: the page has to be loaded anew, and a reconnection does not help.
            Err(error) => leptos::logging::warn!("a message of the stream is not readable: {error}"),
        }
    }

    fn lost(self: &Rc<Self>) {
        let attempts = self.attempts.get().saturating_add(1);
        self.attempts.set(attempts);
        (self.tell)(StreamEvent::Connection(Connection::Lost { attempts }));
        let weak = Rc::downgrade(self);
        let wait = Duration::from_millis(u64::from(wait_ms(attempts, Math::random())));
        self.forget_retry();
        self.retry.set(set_timeout_with_handle(move || reconnect(&weak), wait).ok());
    }

    fn send(&self, request: &Request) -> bool {
        let socket = self.socket.borrow();
        let open = socket.as_ref().filter(|socket| socket.connection.ready_state() == WebSocket::OPEN);
        open.zip(postcard::to_allocvec(request).ok())
            .is_some_and(|(socket, bytes)| socket.connection.send_with_u8_array(&bytes).is_ok())
    }

    /// True when a connection is there or on its way, and nothing is heard of it for too long.
    fn is_silent(&self) -> bool {
        let is_there = self.socket.borrow().as_ref().is_some_and(|socket| {
            matches!(socket.connection.ready_state(), WebSocket::CONNECTING | WebSocket::OPEN)
        });
        let patience = patience_ms(self.has_spoken.get(), self.attempts.get());
        is_there && !self.is_quiet.get() && Date::now() - self.heard_ms.get() > f64::from(patience)
    }

    fn is_waiting(&self) -> bool {
        self.attempts.get() > 0
            && self
                .socket
                .borrow()
                .as_ref()
                .is_none_or(|socket| socket.connection.ready_state() != WebSocket::CONNECTING)
    }

    fn forget_retry(&self) {
        if let Some(retry) = self.retry.take() {
            retry.clear();
        }
    }

    fn end(&self) {
        self.forget_retry();
        drop(self.socket.replace(None));
    }
}

fn reconnect(inner: &Weak<Inner>) {
    if let Some(inner) = inner.upgrade() {
        inner.connect();
    }
}

/// Comes back at once when the tab is looked at or the network is there again, and gives up silent connections.
fn watch(inner: &Rc<Inner>) -> Watch {
    let at_once = |inner: &Rc<Inner>| {
        let weak = Rc::downgrade(inner);
        move |_: web_sys::Event| {
            let Some(inner) = weak.upgrade() else { return };
            let is_visible =
                window().document().is_none_or(|page| page.visibility_state() == VisibilityState::Visible);
            if is_visible && inner.is_waiting() {
                inner.connect();
            }
        }
    };
    // `visibilitychange` is fired at the document and bubbles to the window.
    let listeners = ["online", "visibilitychange"]
        .map(|event| window_event_listener_untyped(event, at_once(inner)))
        .into_iter()
        .collect();
    let weak = Rc::downgrade(inner);
    let check = move || {
        if let Some(inner) = weak.upgrade().filter(|inner| inner.is_silent()) {
            drop(inner.socket.replace(None));
            inner.lost();
        }
    };
    Watch { interval: set_interval_with_handle(check, Duration::from_secs(1)).ok(), listeners }
}

fn listener(inner: &Rc<Inner>, then: fn(&Rc<Inner>)) -> Closure<dyn FnMut()> {
    let weak = Rc::downgrade(inner);
    Closure::new(move || {
        if let Some(inner) = weak.upgrade() {
            then(&inner);
        }
    })
}

fn address() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/api/v1/stream", location.host().ok()?))
}
