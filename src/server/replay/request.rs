//! What a client asks of a replay: checked, and made one while nobody looks.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::filter::{Filter, FilterError};
use crate::model::frame::{MAX_ARCS_PER_SECOND, Refusal};
use crate::model::replay::{MAX_SPEED, MIN_SPEED, ReplaySubscription};
use crate::model::time_range::TimeRange;
use crate::server::history::answers::usable;

/// A replay that can be.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub range: TimeRange,
    pub filter: Filter,
    pub most_arcs: usize,
    pub speed: f64,
    pub at_ms: i64,
    pub is_paused: bool,
    pub picture_ms: Option<i64>,
    pub by_country: bool,
}

/// What a replay was asked for, checked.
pub(super) fn checked(subscription: &ReplaySubscription) -> Result<Wanted, Refusal> {
    let refused = |message: String| Refusal { message, position: None };
    let range = usable(subscription.range).map_err(|why| refused(why.to_string()))?;
    let filter = subscription
        .filter
        .parse()
        .map_err(|error: FilterError| Refusal { position: Some(error.position), message: error.message })?;
    let arcs = subscription.arcs_per_second;
    if arcs > MAX_ARCS_PER_SECOND {
        return Err(refused(format!("arcs_per_second is {arcs}: write 0 to {MAX_ARCS_PER_SECOND}")));
    }
    let speed = checked_speed(subscription.speed)?;
    let begins = if speed < 0.0 { range.to_ms } else { range.from_ms };
    Ok(Wanted {
        range,
        filter,
        most_arcs: usize::try_from(arcs).unwrap_or(usize::MAX),
        speed,
        at_ms: subscription.at_ms.unwrap_or(begins).clamp(range.from_ms, range.to_ms),
        is_paused: subscription.is_paused,
        picture_ms: subscription.picture_ms.map(|length_ms| length_ms.max(1)),
        by_country: subscription.by_country,
    })
}

/// A speed that can be.
pub(super) fn checked_speed(speed: f64) -> Result<f64, Refusal> {
    if (MIN_SPEED..=MAX_SPEED).contains(&speed.abs()) {
        return Ok(speed);
    }
    let message = format!(
        "the speed is {speed}: write {MIN_SPEED} to {MAX_SPEED}, or the same with a minus to play backwards"
    );
    Err(Refusal { message, position: None })
}

/// What was asked since the player looked; the latest of each counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Asked {
    /// Number of the latest request.
    pub answers: u64,
    pub seek: Option<i64>,
    pub speed: Option<f64>,
    pub is_paused: Option<bool>,
}

/// Where requests wait.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    asked: Mutex<Option<Asked>>,
    bell: Notify,
}

impl Mailbox {
    pub fn ask(&self, new: Asked) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = asked.unwrap_or_default();
        *asked = Some(Asked {
            answers: new.answers,
            seek: new.seek.or(before.seek),
            speed: new.speed.or(before.speed),
            is_paused: new.is_paused.or(before.is_paused),
        });
        drop(asked);
        self.bell.notify_one();
    }

    /// Waits until something was asked.
    pub async fn next(&self) -> Asked {
        loop {
            let taken = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
            match taken {
                Some(asked) => return asked,
                None => self.bell.notified().await,
            }
        }
    }
}
