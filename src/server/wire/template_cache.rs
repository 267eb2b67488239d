//! The templates of one exporter, by session, protocol, domain and id.
//!
//! The number of templates, their weight (fields) and the weight of all exporters' templates are bounded.
//! At the first two bounds the template that was longest neither defined nor used gives way if that is
//! a minute ago; else the new one is refused. At the third the new one is refused until the heaviest
//! caches were [shrunk](TemplateCache::shrink).

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::exporter::Protocol;

use super::error::Reason;
use super::options_plan::OptionsPlan;
use super::out_counters::OutCounters;
use super::plan::Plan;
use super::template::Definition;
use super::transport_session::TransportSession;

/// What a template weighs beside its fields, for it takes memory, too.
pub const TEMPLATE_WEIGHT: usize = 16;
/// Microseconds after which a template that nobody defines or uses may give way: short, for refusing one that
/// is in use costs its records for certain.
pub const IDLE_US: i64 = 60_000_000;

/// What tells the templates of one exporter apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Transport session.
    pub session: TransportSession,
    /// Protocol: v9 and IPFIX templates with one id are different.
    pub protocol: Protocol,
    /// Observation domain or source id.
    pub observation_domain: u32,
    /// Template id.
    pub template_id: u16,
}

/// How much room there is for templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Templates of the exporter.
    pub templates: usize,
    /// Weight of its templates.
    pub weight: usize,
    /// Weight that all exporters together leave to it, what it has included.
    pub common_weight: usize,
}

/// A template in use.
#[derive(Clone, Debug)]
pub struct Template {
    /// As it was defined; shared with whoever shows it.
    pub definition: Arc<Definition>,
    /// Compiled.
    pub plan: Plan,
    /// Compiled as what it is, for an options template.
    pub options_plan: Option<Arc<OptionsPlan>>,
    /// Receive time of its latest definition, microseconds since 1970.
    pub defined_us: i64,
    /// Receive time of its latest definition or data, microseconds since 1970.
    pub used_us: i64,
    /// Data records decoded with it.
    pub records: u64,
    /// How its plan reads 23 and 24.
    out_counters: OutCounters,
}

/// The templates of one exporter.
#[derive(Clone, Debug, Default)]
pub struct TemplateCache {
    templates: HashMap<Key, Template>,
    weight: usize,
    /// No template can give way before this time: spares looking through all for each one refused.
    full_until_us: Option<i64>,
    out_counters: OutCounters,
}

/// Number of fields, and as many as the rest of a template is worth.
const fn weight(definition: &Definition) -> usize {
    definition.fields.len() + TEMPLATE_WEIGHT
}

impl TemplateCache {
    /// Says how templates that are defined from now on, or confirmed, read 23 and 24.
    pub const fn read_out_counters(&mut self, out_counters: OutCounters) {
        self.out_counters = out_counters;
    }

    /// The template of a data set.
    pub fn find(&mut self, key: &Key) -> Option<&mut Template> {
        self.templates.get_mut(key)
    }

    /// Every template with its key, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Template)> {
        self.templates.iter()
    }

    /// Number of fields in all templates, and [`TEMPLATE_WEIGHT`] for each.
    pub const fn weight(&self) -> usize {
        self.weight
    }

    /// Defines a template, in place of one with the same key.
    pub fn define(
        &mut self,
        key: Key,
        definition: Definition,
        now_us: i64,
        room: Room,
    ) -> Result<(), Reason> {
        let is_post = self.out_counters == OutCounters::Automatic && key.protocol == Protocol::Ipfix;
        let out_counters = if is_post { OutCounters::Post } else { self.out_counters };
        let known = self.templates.get_mut(&key);
        if let Some(same) = known
            && *same.definition == definition
            && same.out_counters == out_counters
        {
            same.defined_us = now_us;
            same.used_us = now_us;
            return Ok(());
        }
        let plan = Plan::compile_with(&definition.fields, definition.scope_count, out_counters)
            .ok_or(Reason::EmptyTemplate)?;
        let options_plan =
            definition.is_options.then(|| Arc::new(OptionsPlan::compile(key.protocol, &definition)));
        // Even if the new layout is refused: records decoded by the old one would be wrong.
        self.forget(&key);
        let added = weight(&definition);
        while self.templates.len() >= room.templates || self.weight + added > room.weight {
            self.forget_longest_idle(now_us)?;
        }
        if self.weight + added > room.common_weight {
            return Err(Reason::TemplateFieldsFull);
        }
        self.weight += added;
        self.templates.insert(
            key,
            Template {
                definition: Arc::new(definition),
                plan,
                options_plan,
                defined_us: now_us,
                used_us: now_us,
                records: 0,
                out_counters,
            },
        );
        Ok(())
    }

    /// Forgets templates, those that were longest neither defined nor used first, until the weight is at
    /// most `max_weight`.
    pub fn shrink(&mut self, max_weight: usize) {
        let mut by_use: Vec<_> = self.templates.iter().map(|(key, one)| (one.used_us, *key)).collect();
        by_use.sort_unstable();
        for (_, key) in by_use {
            if self.weight <= max_weight {
                break;
            }
            self.forget(&key);
        }
        self.full_until_us = None;
    }

    /// Forgets a template; false if it was not known.
    pub fn withdraw(&mut self, key: &Key) -> bool {
        let is_known = self.templates.contains_key(key);
        self.forget(key);
        is_known
    }

    /// Forgets the templates that are meant; returns how many.
    pub fn withdraw_all(&mut self, is_meant: impl Fn(&Key, &Definition) -> bool) -> u64 {
        let (mut count, mut weights) = (0, 0);
        self.templates.retain(|key, template| {
            let is_kept = !is_meant(key, &template.definition);
            if !is_kept {
                count += 1;
                weights += weight(&template.definition);
            }
            is_kept
        });
        self.weight -= weights;
        self.full_until_us = None;
        count
    }

    /// Forgets all templates of a session.
    pub fn forget_session(&mut self, session: TransportSession, protocol: Protocol, observation_domain: u32) {
        let of_session = |key: &Key| {
            (key.session, key.protocol, key.observation_domain) == (session, protocol, observation_domain)
        };
        let (weight, templates) = (&mut self.weight, &mut self.templates);
        templates.retain(|key, template| {
            let is_kept = !of_session(key);
            *weight -= if is_kept { 0 } else { self::weight(&template.definition) };
            is_kept
        });
    }

    fn forget(&mut self, key: &Key) {
        if let Some(forgotten) = self.templates.remove(key) {
            self.weight -= weight(&forgotten.definition);
        }
    }

    fn forget_longest_idle(&mut self, now_us: i64) -> Result<(), Reason> {
        if self.full_until_us.is_some_and(|until_us| now_us < until_us) {
            return Err(Reason::TemplateCacheFull);
        }
        let longest_idle = self.templates.iter().min_by_key(|(_, template)| template.used_us);
        match longest_idle.map(|(key, template)| (*key, template.used_us)) {
            Some((key, used_us)) if now_us.saturating_sub(used_us) >= IDLE_US => {
                self.forget(&key);
                Ok(())
            }
            found => {
                self.full_until_us = found.map(|(_, used_us)| used_us.saturating_add(IDLE_US));
                Err(Reason::TemplateCacheFull)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::wire::template::Field;

    fn key(template_id: u16) -> Key {
        let session = TransportSession::Udp { source_port: 1 };
        Key { session, protocol: Protocol::Ipfix, observation_domain: 0, template_id }
    }

    fn definition(id: u16, fields: usize) -> Definition {
        let field = Field { element: 1, enterprise: 0, length: 4 };
        Definition { id, is_options: false, scope_count: 0, fields: vec![field; fields] }
    }

    const fn room(templates: usize, weight: usize) -> Room {
        Room { templates, weight, common_weight: usize::MAX }
    }

    #[test]
    fn a_full_cache_refuses_until_a_template_was_idle_for_a_minute() {
        let mut cache = TemplateCache::default();
        cache.define(key(256), definition(256, 1), 0, room(2, 100)).unwrap();
        cache.define(key(257), definition(257, 1), 5, room(2, 100)).unwrap();
        let refused = cache.define(key(258), definition(258, 1), 10, room(2, 100));
        assert_eq!(refused, Err(Reason::TemplateCacheFull));
        cache.define(key(258), definition(258, 1), IDLE_US, room(2, 100)).unwrap();
        assert!(cache.find(&key(256)).is_none());
        assert_eq!(cache.weight(), 2 * (1 + TEMPLATE_WEIGHT));
    }

    /// Room for one template of four fields.
    const MAX: usize = 4 + TEMPLATE_WEIGHT;

    #[test]
    fn a_new_layout_replaces_the_old_one_and_its_fields() {
        let mut cache = TemplateCache::default();
        cache.define(key(256), definition(256, 3), 0, room(2, MAX)).unwrap();
        cache.find(&key(256)).unwrap().records = 9;
        cache.define(key(256), definition(256, 3), 1, room(2, MAX)).unwrap();
        assert_eq!(cache.find(&key(256)).unwrap().records, 9);
        cache.define(key(256), definition(256, 4), 2, room(2, MAX)).unwrap();
        assert_eq!((cache.weight(), cache.find(&key(256)).unwrap().records), (MAX, 0));
        let refused = cache.define(key(257), definition(257, 1), 3, room(2, MAX));
        assert_eq!(refused, Err(Reason::TemplateCacheFull));
        let short = Room { common_weight: MAX, ..room(2, 2 * MAX) };
        let refused = cache.define(key(257), definition(257, 1), 3, short);
        assert_eq!(refused, Err(Reason::TemplateFieldsFull));
    }

    #[test]
    fn a_refused_layout_does_not_leave_the_old_one_to_decode_wrongly() {
        let mut cache = TemplateCache::default();
        cache.define(key(256), definition(256, 3), 0, room(2, MAX)).unwrap();
        assert!(cache.define(key(256), definition(256, 5), 1, room(2, MAX)).is_err());
        assert!(cache.find(&key(256)).is_none());
        assert_eq!(cache.weight(), 0);
    }

    #[test]
    fn shrinking_forgets_what_was_longest_unused_and_no_more() {
        let mut cache = TemplateCache::default();
        for id in 256..260 {
            cache.define(key(id), definition(id, 4), i64::from(id), room(9, 9 * MAX)).unwrap();
        }
        cache.find(&key(256)).unwrap().used_us = 1000;
        cache.shrink(2 * MAX);
        let known = [256, 257, 258, 259].map(|id| cache.find(&key(id)).is_some());
        assert_eq!((known, cache.weight()), ([true, false, false, true], 2 * MAX));
    }
}
