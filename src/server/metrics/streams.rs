//! IPFIX over TCP and TLS: connections by what became of them, and what came through them.

use std::fmt;

use super::{Scrape, Writer};
use crate::server::collector::tcp_listener::{ConnectionCounts, End, Refusal};

fn label(counts: &ConnectionCounts) -> [(&'static str, String); 2] {
    [("address", counts.address.to_string()), ("transport", counts.transport.label().to_owned())]
}

fn with_reason(counts: &ConnectionCounts, reason: &'static str) -> [(&'static str, String); 3] {
    let [address, transport] = label(counts);
    [address, transport, ("reason", reason.to_owned())]
}

impl Scrape {
    pub(super) fn streams(&self, writer: &mut Writer) -> fmt::Result {
        let listeners = &self.connections;
        let each = |value: fn(&ConnectionCounts) -> u64| {
            listeners.iter().map(move |counts| (label(counts), value(counts)))
        };
        writer.gauges("connections", "Connections of exporters open now", each(ConnectionCounts::open))?;
        writer.counters(
            "connections_accepted",
            "Connections of exporters accepted, over TLS after the handshake",
            each(|counts| counts.accepted),
        )?;
        writer.counters(
            "connections_refused",
            "Connections of exporters not accepted, by reason",
            listeners.iter().flat_map(|counts| {
                Refusal::ALL
                    .iter()
                    .map(|&reason| (with_reason(counts, reason.label()), counts.refused(reason)))
            }),
        )?;
        writer.counters(
            "connections_closed",
            "Connections of exporters that ended, by reason",
            listeners.iter().flat_map(|counts| {
                End::ALL.iter().map(|&reason| (with_reason(counts, reason.label()), counts.closed(reason)))
            }),
        )?;
        writer.counters(
            "connection_messages",
            "IPFIX messages read from connections and handed on",
            each(|counts| counts.messages),
        )?;
        writer.counter(
            "connection_messages_taken",
            "IPFIX messages of connections that the collecting thread has taken: the others wait for it",
            self.report.counters.stream_messages,
        )?;
        writer.counters(
            "connection_bytes",
            "Bytes read from connections, without those of TLS itself",
            each(|counts| counts.bytes),
        )?;
        writer.counters(
            "connection_discarded_bytes",
            "Bytes of messages cut off by the end of their connection, or of what was no message",
            each(|counts| counts.discarded_bytes),
        )?;
        let counters = &self.report.counters;
        writer.counter(
            "templates_removed",
            "Templates forgotten because a withdrawal over TCP or TLS named them",
            counters.templates_removed,
        )?;
        writer.counter(
            "unknown_withdrawals",
            "Withdrawals over TCP and TLS of templates that were not known",
            counters.unknown_withdrawals,
        )?;
        writer.counter(
            "templates_redefined",
            "Templates that got another layout over TCP or TLS without being withdrawn before",
            counters.templates_redefined,
        )?;
        writer.counter(
            "templates_ended",
            "Templates forgotten because their connection ended",
            counters.templates_ended,
        )
    }
}
