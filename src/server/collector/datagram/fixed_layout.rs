//! NetFlow v1 and v7: headers of their own before records that are nearly those of v5.

use super::{Datagram, REORDERING_RECORDS, Tally};
use crate::model::exporter::Protocol;
use crate::server::collector::normalize::{self, Origin};
use crate::server::collector::sampling::Sampling;
use crate::server::collector::sequence::Content;
use crate::server::wire::error::Error;
use crate::server::wire::reader::Reader;
use crate::server::wire::{netflow_v1, netflow_v5, netflow_v7};

#[cfg(test)]
mod tests;

impl Datagram<'_> {
    /// Has no sequence numbers: what is missing cannot be known.
    pub(super) fn netflow_v1(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let header = netflow_v1::Header::parse(&mut reader)?;
        let clock_ms = clock_ms(header.clock_s, header.clock_ns);
        let message = self.message(Protocol::NetflowV1, 0, clock_ms, Some(header.uptime_ms));
        self.open_session(message);
        let (records, error) = netflow_v1::records(&header, reader);
        self.fixed_records(&message.origin, records, error);
        Ok(())
    }

    /// Numbers records as v5 does.
    pub(super) fn netflow_v7(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let whole = reader;
        let header = netflow_v7::Header::parse(&mut reader)?;
        let clock_ms = clock_ms(header.clock_s, header.clock_ns);
        let message = self.message(Protocol::NetflowV7, 0, clock_ms, Some(header.uptime_ms));
        self.open_session(message);
        if self.is_duplicate(message, header.sequence, whole, REORDERING_RECORDS) {
            return Ok(());
        }
        let (records, error) = netflow_v7::records(&header, reader);
        let units = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let content = Content { is_spoilt: error.is_some(), ..Content::known(units) };
        self.fixed_records(&message.origin, records, error);
        self.sequence(message, header.sequence, content, REORDERING_RECORDS);
        Ok(())
    }

    fn fixed_records(
        &mut self,
        origin: &Origin,
        records: impl ExactSizeIterator<Item = netflow_v5::Record>,
        error: Option<Error>,
    ) {
        self.counters.sets += 1;
        if self.is_over_rate() {
            self.count_rate_limited(records.len() as u64);
            return;
        }
        let sampling =
            Sampling::configured(&self.rules.sampling, self.address, origin.observation_domain).of_own(0);
        let first = self.flows.len();
        let mut tally = Tally::default();
        for record in records {
            tally.add(normalize::push_flow_v5(&record, sampling, origin, self.flows));
        }
        self.count_flows(first, tally);
        self.count_data_set(error);
    }
}

fn clock_ms(seconds: u32, nanoseconds: u32) -> i64 {
    i64::from(seconds) * 1000 + i64::from(nanoseconds / 1_000_000)
}
