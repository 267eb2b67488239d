//! Who may watch a replay, and how much is worked on for each of them at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// Readings for one client at the same time, with those that were given up and have not ended yet.
const READINGS: usize = 4;

/// The seats of all replays.
#[derive(Debug)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    limits: Limits,
    /// How many each visitor has.
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A seat: free again when the replay and all that is read for it have ended.
#[derive(Debug)]
pub(super) struct Seat {
    /// One for each reading.
    pub readings: Arc<Semaphore>,
    /// Rings when a reading has ended.
    pub freed: Notify,
    seats: Arc<Seats>,
    visitor: Option<IpAddr>,
    _place: OwnedSemaphorePermit,
}

impl Seats {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(limits.replays)), limits, taken: Mutex::default() })
    }

    /// A seat for a visitor, who has not too many yet; or why there is none.
    pub fn take(self: &Arc<Self>, visitor: Option<IpAddr>) -> Result<Arc<Seat>, String> {
        let Limits { replays, replays_per_visitor, .. } = self.limits;
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            return Err(format!(
                "{replays} replays are being watched already, which is the most at the same time: try again later"
            ));
        };
        if let Some(visitor) = visitor {
            let mut taken = self.taken();
            let count = taken.entry(visitor).or_default();
            if *count >= replays_per_visitor {
                return Err(format!(
                    "{replays_per_visitor} replays are being watched from your address already, which is the most at \
                     the same time: close one of them"
                ));
            }
            *count += 1;
        }
        Ok(Arc::new(Seat {
            readings: Arc::new(Semaphore::new(READINGS)),
            freed: Notify::new(),
            seats: Arc::clone(self),
            visitor,
            _place: place,
        }))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(visitor) = self.visitor else { return };
        let mut taken = self.seats.taken();
        if let Some(count) = taken.get_mut(&visitor) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&visitor);
            }
        }
    }
}
