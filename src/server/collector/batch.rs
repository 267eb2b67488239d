//! What the collector hands on: flow records of one round of datagrams, normalised and located.
//!
//! Batches have several readers, and their memory comes back to the collector from whoever reads them last: taken
//! anew for each, giving it back to the kernel costs more than counting.

use std::mem;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use crate::model::flow_record::LocatedFlow;
use crate::server::geolocation::Geolocation;

/// Flows that emptied batches have room for at most, all together.
const SPARE_FLOWS: usize = 1 << 18;
/// Flows that an emptied batch has room for at most, to be kept.
const MOST_FLOWS: usize = 1 << 14;

/// Flows that were received together.
#[derive(Clone, Debug)]
pub struct FlowBatch {
    /// Kernel's receive time of the oldest datagram in it, microseconds since 1970.
    pub oldest_received_us: i64,
    /// Kernel's receive time of the newest datagram in it, microseconds since 1970.
    pub newest_received_us: i64,
    /// The geolocation that located the flows: their places are its places.
    pub geolocation: Arc<Geolocation>,
    /// Addresses of the exporters, indexed by the number in `ExporterId`; unspecified at the numbers of other workers,
    /// which no flow in it has.
    pub exporters: Arc<[IpAddr]>,
    /// The flows, in the order received.
    pub flows: Flows,
}

/// The flows of a batch. What they lie in goes back to the room that it came from when they are dropped.
#[derive(Debug, Default)]
pub struct Flows {
    flows: Vec<LocatedFlow>,
    room: Option<SpareRoom>,
}

impl From<Vec<LocatedFlow>> for Flows {
    fn from(flows: Vec<LocatedFlow>) -> Self {
        Self { flows, room: None }
    }
}

impl Deref for Flows {
    type Target = [LocatedFlow];

    fn deref(&self) -> &Self::Target {
        &self.flows
    }
}

impl DerefMut for Flows {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.flows
    }
}

impl<'a> IntoIterator for &'a Flows {
    type Item = &'a LocatedFlow;
    type IntoIter = std::slice::Iter<'a, LocatedFlow>;

    fn into_iter(self) -> Self::IntoIter {
        self.flows.iter()
    }
}

impl Clone for Flows {
    fn clone(&self) -> Self {
        self.flows.clone().into()
    }
}

impl Drop for Flows {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            room.take_back(mem::take(&mut self.flows));
        }
    }
}

/// Memory of batches that were read. Clones are the same room; nobody waits for it.
#[derive(Clone, Debug, Default)]
pub struct SpareRoom(Arc<Mutex<Spare>>);

#[derive(Debug, Default)]
struct Spare {
    emptied: Vec<Vec<LocatedFlow>>,
    /// Flows that all of them have room for.
    flows: usize,
}

impl SpareRoom {
    /// The flows of one batch, written by `fill` into memory used before, if there is any.
    pub fn fill(&self, fill: impl FnOnce(&mut Vec<LocatedFlow>)) -> Flows {
        let spare = self.0.try_lock().ok().and_then(|mut spare| {
            let flows = spare.emptied.pop()?;
            spare.flows -= flows.capacity();
            Some(flows)
        });
        let mut flows = spare.unwrap_or_default();
        fill(&mut flows);
        Flows { flows, room: Some(self.clone()) }
    }

    fn take_back(&self, mut flows: Vec<LocatedFlow>) {
        if flows.capacity() > MOST_FLOWS {
            return;
        }
        flows.clear();
        if let Ok(mut spare) = self.0.try_lock()
            && spare.flows + flows.capacity() <= SPARE_FLOWS
        {
            spare.flows += flows.capacity();
            spare.emptied.push(flows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow_record::{FlowRecord, Location};
    use crate::model::traffic::Direction;

    fn flow() -> LocatedFlow {
        let nowhere = Location::default();
        let (record, direction) = (FlowRecord::default(), Direction::Transit);
        LocatedFlow { record, source: nowhere, destination: nowhere, direction }
    }

    #[test]
    fn the_memory_of_a_batch_is_used_again_after_its_last_reader_and_not_before() {
        let room = SpareRoom::default();
        let first = Arc::new(room.fill(|flows| flows.resize(100, flow())));
        let (address, other_reader) = (first.as_ptr(), Arc::clone(&first));
        drop(first);
        let second = room.fill(|flows| flows.resize(100, flow()));
        assert_ne!(second.as_ptr(), address);
        assert_eq!(other_reader.len(), 100);
        drop(other_reader);
        let third = room.fill(|flows| flows.resize(50, flow()));
        assert_eq!((third.as_ptr(), third.len()), (address, 50));
    }

    #[test]
    fn no_more_memory_is_kept_than_the_bound() {
        let room = SpareRoom::default();
        let batches: Vec<_> = (0..100).map(|_| room.fill(|flows| flows.resize(8_192, flow()))).collect();
        let huge = room.fill(|flows| flows.resize(MOST_FLOWS + 1, flow()));
        drop((batches, huge));
        let spare = room.0.lock().unwrap();
        assert_eq!((spare.emptied.len(), spare.flows), (32, SPARE_FLOWS));
    }
}
