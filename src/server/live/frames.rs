//! From the log of a view to the frames that clients get, encoded once for all at the same position.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::ws;

use super::drawing::{Bundle, Pair};
use crate::model::flow_record::LocatedFlow;
use crate::model::frame::{self, FlowRow, Frame, Message, Totals};
use crate::model::place::Place;
use crate::server::geolocation::Geolocation;

/// How messages are written for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Binary, for Meridian's own page.
    Postcard,
    /// Text, for everybody else.
    Json,
}

impl Encoding {
    /// The message as it goes out; `None` (and a line in the log) when it cannot be encoded.
    pub fn encode(self, message: &Message) -> Option<ws::Message> {
        let encoded = match self {
            Self::Postcard => postcard::to_allocvec(message)
                .map(|bytes| ws::Message::Binary(bytes.into()))
                .map_err(|error| error.to_string()),
            Self::Json => serde_json::to_string(message)
                .map(|text| ws::Message::Text(text.into()))
                .map_err(|error| error.to_string()),
        };
        encoded.inspect_err(|error| tracing::error!(%error, encoding = ?self, "cannot encode a message")).ok()
    }
}

/// A geolocation and a number that tells it from those before and after it.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub generation: u64,
    pub geolocation: Arc<Geolocation>,
}

/// What one round of batches added to a view.
#[derive(Debug)]
pub(super) struct Delta {
    pub sequence: u64,
    pub oldest_received_us: i64,
    pub newest_received_us: i64,
    pub passed: Totals,
    pub arcs: Vec<(Pair, Bundle)>,
    pub ground: Ground,
}

/// One of the newest flows of a view.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub sequence: u64,
    pub flow: LocatedFlow,
    pub ground: Ground,
}

/// The places and names that a message refers to, each once.
#[derive(Default)]
pub(super) struct Directory {
    places: Vec<Place>,
    numbers: HashMap<(u64, u32), u32>,
    as_names: BTreeMap<u32, String>,
}

impl Directory {
    fn place(&mut self, ground: &Ground, place: u32) -> u32 {
        let Self { places, numbers, .. } = self;
        *numbers.entry((ground.generation, place)).or_insert_with(|| {
            places.push(ground.geolocation.place(place));
            u32::try_from(places.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn as_number(&mut self, ground: &Ground, as_number: u32) -> u32 {
        if as_number != 0 {
            self.as_names
                .entry(as_number)
                .or_insert_with(|| ground.geolocation.as_name(as_number).to_owned());
        }
        as_number
    }

    /// A flow as a row of a table.
    pub fn row(&mut self, row: &Row) -> FlowRow {
        let LocatedFlow { record, source, destination, direction } = &row.flow;
        FlowRow {
            received_ms: record.received_ms,
            source_address: record.source_address,
            source_port: record.source_port,
            source_place: self.place(&row.ground, source.place),
            source_as: self.as_number(&row.ground, source.as_number),
            destination_address: record.destination_address,
            destination_port: record.destination_port,
            destination_place: self.place(&row.ground, destination.place),
            destination_as: self.as_number(&row.ground, destination.as_number),
            protocol: record.protocol,
            direction: *direction,
            bytes: record.bytes,
            packets: record.packets,
            duration_ms: u64::try_from(record.end_ms.saturating_sub(record.start_ms)).unwrap_or(0),
            exporter: record.exporter,
            sampling_interval: record.sampling_interval,
        }
    }

    /// The places, and the names of the autonomous systems that have one.
    pub fn finish(self) -> (Vec<Place>, Vec<(u32, String)>) {
        (self.places, self.as_names.into_iter().filter(|(_, name)| !name.is_empty()).collect())
    }
}

/// One frame of several deltas, in rising order, and the rows among them, newest first.
pub(super) fn merge(deltas: &[Arc<Delta>], rows: &[Row]) -> Frame {
    let mut frame = Frame { oldest_received_us: i64::MAX, ..Frame::default() };
    let mut bundles: HashMap<(u64, Pair), (Bundle, &Ground)> = HashMap::new();
    let mut newest_received_us = 0;
    for delta in deltas {
        frame.sequence = frame.sequence.max(delta.sequence);
        frame.oldest_received_us = frame.oldest_received_us.min(delta.oldest_received_us);
        newest_received_us = newest_received_us.max(delta.newest_received_us);
        frame.passed += delta.passed;
        for (pair, bundle) in &delta.arcs {
            let key = (delta.ground.generation, *pair);
            bundles.entry(key).or_insert_with(|| (Bundle::default(), &delta.ground)).0.add(bundle);
        }
    }
    frame.clock_ms = newest_received_us / 1_000;
    let mut directory = Directory::default();
    frame.arcs = bundles
        .into_iter()
        .map(|((_, pair), (bundle, ground))| frame::Arc {
            from: directory.place(ground, pair.from),
            to: directory.place(ground, pair.to),
            direction: pair.direction,
            protocol: bundle.protocol.value,
            as_number: directory.as_number(ground, bundle.as_number.value),
            traffic: bundle.traffic,
        })
        .collect();
    frame.arcs.sort_unstable_by_key(|arc| std::cmp::Reverse(arc.traffic.scaled_bytes));
    frame.flows = rows.iter().map(|row| directory.row(row)).collect();
    (frame.places, frame.as_names) = directory.finish();
    frame
}

/// A frame as it goes out.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub message: ws::Message,
    /// Receive time of its oldest datagram, microseconds since 1970.
    pub oldest_received_us: i64,
}

/// Positions after which and up to which, and how it is encoded.
type SlotKey = (u64, u64, Encoding);
type Slot = Arc<OnceLock<Option<Prepared>>>;

/// Frames that several clients may want: those made last.
#[derive(Debug, Default)]
pub(super) struct FrameCache {
    slots: Mutex<VecDeque<(SlotKey, Slot)>>,
}

impl FrameCache {
    const CAPACITY: usize = 16;

    /// The frame after one position up to another, made by the first client that asks.
    pub fn frame(
        &self,
        after: u64,
        up_to: u64,
        encoding: Encoding,
        make: impl FnOnce() -> Option<Prepared>,
    ) -> Option<Prepared> {
        self.slot((after, up_to, encoding)).get_or_init(make).clone()
    }

    fn slot(&self, key: SlotKey) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = slots.iter().rev().find(|(known, _)| *known == key) {
            return Arc::clone(slot);
        }
        if slots.len() >= Self::CAPACITY {
            slots.pop_front();
        }
        let slot = Slot::default();
        slots.push_back((key, Arc::clone(&slot)));
        slot
    }
}
