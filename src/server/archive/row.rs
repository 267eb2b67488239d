//! A flow record as the tail of the archive holds it: flat, with numbers for its exporter and its places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use crate::model::flow_record::{ExporterId, FlowDirection, LocatedFlow};
use crate::model::place::CountryCode;
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::Geolocation;

/// A place with all that is kept of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptPlace {
    /// Country, where known.
    pub country: Option<CountryCode>,
    /// First-level subdivision, empty when unknown.
    pub region: String,
    /// City, or the name of the home network, empty when unknown.
    pub city: String,
    /// Degrees north and east; `None` when nothing may be drawn.
    pub coordinates: Option<(f32, f32)>,
}

impl KeptPlace {
    fn of(geolocation: &Geolocation, number: u32) -> Self {
        let place = geolocation.place(number);
        let coordinates = place.precision.has_coordinates().then_some((place.latitude, place.longitude));
        Self { country: place.country, region: place.region, city: place.city, coordinates }
    }
}

/// What the numbers in rows stand for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Legend {
    /// Addresses of exporters, by number.
    pub exporters: Vec<IpAddr>,
    /// Places, by number.
    pub places: Vec<KeptPlace>,
}

/// One end of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RowEnd {
    pub address: IpAddr,
    pub port: u16,
    pub mask: u8,
    pub interface: u32,
    pub as_number: u32,
    /// Number of the place in the legend.
    pub place: u32,
}

/// One flow record. Times besides `received_ms` are differences that wrap, so that whatever was exported comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub received_ms: i64,
    /// From the last packet until it was received, milliseconds.
    pub export_delay_ms: i64,
    /// From the first to the last packet, milliseconds.
    pub duration_ms: i64,
    pub source: RowEnd,
    pub destination: RowEnd,
    pub bytes: u64,
    pub packets: u64,
    /// Number of the exporter in the legend.
    pub exporter: u32,
    pub observation_domain: u32,
    pub sampling_interval: u32,
    pub icmp_type_code: u16,
    pub tcp_flags: u16,
    pub vlan: u16,
    pub protocol: u8,
    pub type_of_service: u8,
    pub flow_end_reason: u8,
    pub time_source: u8,
    pub sampling_source: u8,
    pub direction: u8,
    pub is_reverse: bool,
    /// 0 ingress, 1 egress, 2 unknown.
    pub flow_direction: u8,
}

/// Makes rows of flows, and the legend that goes with them.
#[derive(Debug, Default)]
pub(super) struct RowMaker {
    legend: Legend,
    /// The geolocation whose place numbers `places` knows.
    geolocation: Option<Arc<Geolocation>>,
    places: HashMap<u32, u32, RandomState>,
    exporters: HashMap<IpAddr, u32, RandomState>,
    /// The exporter of the row before.
    latest_exporter: Option<(ExporterId, u32)>,
}

impl RowMaker {
    /// What the numbers of all rows that it made stand for.
    pub(super) const fn legend(&self) -> &Legend {
        &self.legend
    }

    /// Begins with an empty legend.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Rows of flows that are in a batch.
    pub(super) fn rows<'a>(
        &'a mut self,
        flows: &'a [LocatedFlow],
        batch: &'a FlowBatch,
    ) -> impl Iterator<Item = Row> + 'a {
        if self.geolocation.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &batch.geolocation)) {
            self.geolocation = Some(Arc::clone(&batch.geolocation));
            self.places.clear();
        }
        // The numbers of exporters differ from process to process only, but a batch brings its own list.
        self.latest_exporter = None;
        flows.iter().map(|flow| self.row(flow, batch))
    }

    fn row(&mut self, flow: &LocatedFlow, batch: &FlowBatch) -> Row {
        let record = &flow.record;
        let exporter = self.exporter(record.exporter, batch);
        Row {
            received_ms: record.received_ms,
            export_delay_ms: record.received_ms.wrapping_sub(record.end_ms),
            duration_ms: record.end_ms.wrapping_sub(record.start_ms),
            source: RowEnd {
                address: record.source_address,
                port: record.source_port,
                mask: record.source_mask,
                interface: record.input_interface,
                as_number: flow.source.as_number,
                place: self.place(flow.source.place, batch),
            },
            destination: RowEnd {
                address: record.destination_address,
                port: record.destination_port,
                mask: record.destination_mask,
                interface: record.output_interface,
                as_number: flow.destination.as_number,
                place: self.place(flow.destination.place, batch),
            },
            bytes: record.bytes,
            packets: record.packets,
            exporter,
            observation_domain: record.observation_domain,
            sampling_interval: record.sampling_interval,
            icmp_type_code: record.icmp_type_code,
            tcp_flags: record.tcp_flags,
            vlan: record.vlan,
            protocol: record.protocol,
            type_of_service: record.type_of_service,
            flow_end_reason: record.flow_end_reason,
            time_source: record.time_source as u8,
            sampling_source: record.sampling_source as u8,
            direction: u8::try_from(flow.direction.index()).unwrap_or(u8::MAX),
            is_reverse: record.is_reverse,
            flow_direction: match record.flow_direction {
                Some(FlowDirection::Ingress) => 0,
                Some(FlowDirection::Egress) => 1,
                None => 2,
            },
        }
    }

    fn exporter(&mut self, id: ExporterId, batch: &FlowBatch) -> u32 {
        if let Some((latest, number)) = self.latest_exporter
            && latest == id
        {
            return number;
        }
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let address = usize::try_from(id.0).ok().and_then(|at| batch.exporters.get(at)).copied();
        let address = address.unwrap_or(unspecified);
        let exporters = &mut self.legend.exporters;
        let number = *self.exporters.entry(address).or_insert_with(|| {
            exporters.push(address);
            u32::try_from(exporters.len() - 1).unwrap_or(u32::MAX)
        });
        self.latest_exporter = Some((id, number));
        number
    }

    fn place(&mut self, number: u32, batch: &FlowBatch) -> u32 {
        let places = &mut self.legend.places;
        *self.places.entry(number).or_insert_with(|| {
            places.push(KeptPlace::of(&batch.geolocation, number));
            u32::try_from(places.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// A row whose legend is after others in a common one.
pub(super) fn shifted(mut row: Row, exporters: u32, places: u32) -> Row {
    row.exporter = row.exporter.saturating_add(exporters);
    row.source.place = row.source.place.saturating_add(places);
    row.destination.place = row.destination.place.saturating_add(places);
    row
}
