//! How the server and the connection to it are: shared by every page, shown by the badge and the notices.
//!
//! The status is asked for every few seconds while the page is visible; on the live page the stream tells more,
//! and sooner. Ages are by the server's clock, so a browser with a wrong clock shows them right.

use std::time::Duration;

use leptos::leptos_dom::helpers::{IntervalHandle, set_interval_with_handle};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::first_render;
use crate::api::status::fetch_status;
use crate::browser::connection::Connection;
use crate::browser::page;
use crate::components::badge::BadgeState;
use crate::model::admission::AdmissionStatus;
use crate::model::status::{Listener, Status};

/// How often the status is asked for.
const STATUS_INTERVAL: Duration = Duration::from_millis(2500);
/// How often the age in the badge moves.
const AGE_INTERVAL: Duration = Duration::from_millis(200);
/// Without data for so long the badge no longer says LIVE.
const QUIET_MS: i64 = 60_000;

/// Signals of the state of server and connection.
#[derive(Clone, Copy)]
pub struct Health {
    /// The latest status; `None` before the first answer.
    pub status: RwSignal<Option<Status>>,
    /// True while the live page holds the stream back.
    pub is_paused: RwSignal<bool>,
    connection: RwSignal<Connection>,
    has_stream: RwSignal<bool>,
    last_received_ms: RwSignal<Option<i64>>,
    /// Server's clock minus the browser's.
    clock_offset_ms: RwSignal<Option<i64>>,
    /// Server's clock, as the badge last saw it.
    now_ms: RwSignal<i64>,
    lost_since_ms: RwSignal<i64>,
}

impl Health {
    /// Starts with the status in the page, if there is one.
    pub fn at_first_render() -> Self {
        let status = first_render::at_first_render(fetch_status);
        Self {
            last_received_ms: RwSignal::new(status.as_ref().and_then(|status| status.last_received_ms)),
            now_ms: RwSignal::new(status.as_ref().map_or(0, |status| status.now_ms)),
            status: RwSignal::new(status),
            is_paused: RwSignal::new(false),
            connection: RwSignal::new(Connection::Starting),
            has_stream: RwSignal::new(false),
            clock_offset_ms: RwSignal::new(None),
            lost_since_ms: RwSignal::new(0),
        }
    }

    /// In the browser: asks for the status again and again, and lets ages grow.
    pub fn keep_up_to_date(self) {
        Effect::new(move |_| {
            self.refresh();
            let status = while_visible(STATUS_INTERVAL, move || self.refresh());
            let age = while_visible(AGE_INTERVAL, move || {
                if let Some(offset) = self.clock_offset_ms.get_untracked() {
                    self.now_ms.set(page::now_ms().saturating_add(offset));
                }
            });
            on_cleanup(move || [status, age].into_iter().flatten().for_each(|interval| interval.clear()));
        });
    }

    /// Asks for the status now.
    pub fn refresh(self) {
        spawn_local(async move {
            let answer = fetch_status().await;
            // The page may be gone by now.
            if self.status.is_disposed() {
                return;
            }
            match answer {
                Ok(status) => {
                    self.heard(status.now_ms, status.last_received_ms);
                    self.status.set(Some(status));
                    if !self.has_stream.get_untracked() {
                        self.connection_is(Connection::Open);
                    }
                }
                Err(_) if !self.has_stream.get_untracked() => {
                    self.connection_is(Connection::Lost { attempts: 1 });
                }
                Err(_) => {}
            }
        });
    }

    /// The server's clock said `clock_ms` just now, and its latest datagram came at `last_received_ms`.
    pub fn heard(self, clock_ms: i64, last_received_ms: Option<i64>) {
        self.clock_offset_ms.set(Some(clock_ms.saturating_sub(page::now_ms())));
        self.received(last_received_ms);
    }

    /// A datagram came at `received_ms`.
    pub fn received(self, received_ms: Option<i64>) {
        if received_ms > self.last_received_ms.get_untracked() {
            self.last_received_ms.set(received_ms);
        }
    }

    /// The connection is now like this.
    pub fn connection_is(self, connection: Connection) {
        let earlier = self.connection.get_untracked();
        if earlier == connection {
            return;
        }
        if matches!(connection, Connection::Lost { .. }) && !matches!(earlier, Connection::Lost { .. }) {
            self.lost_since_ms.set(self.now_ms.get_untracked());
        }
        self.connection.set(connection);
    }

    /// The live page's stream begins or ends to tell about the connection.
    pub fn stream_is_open(self, has_stream: bool) {
        self.has_stream.set(has_stream);
    }

    /// What the badge says.
    pub fn badge(self) -> Signal<BadgeState> {
        Memo::new(move |_| {
            let now_ms = self.now_ms.get();
            let age_ms = self.last_received_ms.get().map(|received_ms| now_ms.saturating_sub(received_ms));
            if let Connection::Lost { .. } = self.connection.get() {
                let since_s = now_ms.saturating_sub(self.lost_since_ms.get()) / 1000;
                return BadgeState::Reconnecting { since_s };
            }
            if self.is_paused.get() {
                return BadgeState::Paused;
            }
            match age_ms {
                Some(age_ms) if age_ms < QUIET_MS => BadgeState::live(age_ms),
                quiet_for_ms => BadgeState::no_data(quiet_for_ms),
            }
        })
        .into()
    }

    /// True while the built-in demo exporter runs.
    pub fn is_demo(self) -> Signal<bool> {
        Memo::new(move |_| self.status.with(|status| status.as_ref().is_some_and(|status| status.is_demo)))
            .into()
    }

    /// The server's clock in whole seconds, as milliseconds since 1970: for ages beside the badge's.
    pub fn now_s(self) -> Signal<i64> {
        Memo::new(move |_| self.now_ms.get() / 1000 * 1000).into()
    }

    /// Who may export, and who was turned away.
    pub fn admission(self) -> Signal<AdmissionStatus> {
        Memo::new(move |_| {
            self.status
                .with(|status| status.as_ref().map(|status| status.admission.clone()).unwrap_or_default())
        })
        .into()
    }

    /// The sockets that wait for export datagrams.
    pub fn listeners(self) -> Signal<Vec<Listener>> {
        Memo::new(move |_| {
            self.status
                .with(|status| status.as_ref().map(|status| status.listeners.clone()).unwrap_or_default())
        })
        .into()
    }
}

/// Calls `tick` again and again, but not while the tab is in the background.
pub fn while_visible(interval: Duration, tick: impl Fn() + 'static) -> Option<IntervalHandle> {
    set_interval_with_handle(
        move || {
            if page::is_visible() {
                tick();
            }
        },
        interval,
    )
    .ok()
}
