//! Templates over TCP and TLS, where messages arrive in order: withdrawals, redefinitions, data without template.
//!
//! RFC 7011 §8: there a template lives from its definition to its withdrawal or to the end of its connection, and a data
//! set without template is the exporter's mistake.

use crate::server::wire::set::{options_template_set_id, template_set_id};
use crate::server::wire::template::Definition;
use crate::server::wire::template_cache::Key;
use crate::server::wire::transport_session::TransportSession;

use super::datagram::{Datagram, Message};

impl Datagram<'_> {
    /// True if this is a message of a connection.
    pub(super) const fn is_stream(&self) -> bool {
        matches!(self.session, TransportSession::Stream { .. })
    }

    /// Forgets what a withdrawal names: one template of the message's domain, or with the id of a template set all data
    /// templates, with that of an options template set all options templates (RFC 7011 §8.1). Not over UDP.
    pub(super) fn withdraw(&mut self, message: Message, id: u16) {
        if !self.is_stream() {
            return;
        }
        let named = self.template_key(message, id);
        let templates = &mut self.state.templates;
        let others = self.template_weight.saturating_sub(templates.weight());
        let is_options = id == options_template_set_id(named.protocol);
        let removed = if is_options || id == template_set_id(named.protocol) {
            templates.withdraw_all(|key, definition| {
                Key { template_id: id, ..*key } == named && definition.is_options == is_options
            })
        } else {
            let is_known = templates.withdraw(&named);
            self.counters.unknown_withdrawals += u64::from(!is_known);
            u64::from(is_known)
        };
        *self.template_weight = others + templates.weight();
        self.counters.templates_removed += removed;
    }

    /// Counts a template that gets another layout without a withdrawal before. It replaces the old one, as over UDP.
    pub(super) fn count_redefinition(&mut self, key: &Key, definition: &Definition) {
        if self.is_stream()
            && self.state.templates.find(key).is_some_and(|known| *known.definition != *definition)
        {
            self.counters.templates_redefined += 1;
        }
    }

    /// Counts a data set whose template is not known and that does not wait for it.
    pub(super) fn count_set_without_template(&mut self) {
        self.counters.sets_without_template += 1;
        self.state.sets_expired += 1;
    }
}
