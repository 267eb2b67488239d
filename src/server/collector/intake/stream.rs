//! Messages and ends of TCP and TLS connections.

use std::net::SocketAddr;

use super::Intake;
use crate::model::flow_record::FlowRecord;
use crate::server::wire::transport_session::TransportSession;

impl Intake {
    /// Decodes one IPFIX message of a connection and appends its flow records to `flows`, as
    /// [`datagram`](Self::datagram) does. `received_us` is when it was read, microseconds since 1970.
    pub fn stream_message(
        &mut self,
        connection: u32,
        peer: SocketAddr,
        received_us: i64,
        message: &[u8],
        flows: &mut Vec<FlowRecord>,
    ) {
        self.counters.stream_messages += 1;
        let session = TransportSession::Stream { connection, source_port: peer.port() };
        self.message(session, peer, received_us, message, flows);
        if let Some(state) = self.exporters.get_mut(&peer.ip().to_canonical()) {
            state.connections.insert(connection);
        }
    }

    /// Lists who was refused a connection; the listener has counted it.
    pub fn stream_not_admitted(&mut self, peer: SocketAddr, received_us: i64) {
        let is_replaced = self.turned_away.saw(peer.ip().to_canonical(), received_us);
        self.counters.not_admitted_replaced += u64::from(is_replaced);
    }

    /// Forgets what belonged to a connection that has ended: its templates and where its sequence numbers were.
    pub fn stream_ended(&mut self, connection: u32, peer: SocketAddr) {
        let Some(state) = self.exporters.get_mut(&peer.ip().to_canonical()) else { return };
        let ended = TransportSession::Stream { connection, source_port: peer.port() };
        let others = self.template_weight.saturating_sub(state.templates.weight());
        self.counters.templates_ended += state.templates.withdraw_all(|key, _| key.session == ended);
        self.template_weight = others + state.templates.weight();
        let before = state.sessions.len();
        state.sessions.retain(|key, _| key.session != ended);
        self.session_count = self.session_count.saturating_sub(before - state.sessions.len());
        state.connections.remove(&connection);
    }
}

#[cfg(test)]
mod tests;
