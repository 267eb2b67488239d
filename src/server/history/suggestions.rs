//! What a filter may compare with: values that were seen lately, and well-known ones.
//!
//! The values of a field are the thousand with most bytes of the last hour, asked for again after half a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answers::History;
use super::error::QuestionError;
use super::naming::Naming;
use crate::model::countries::countries;
use crate::model::filter::{End, Field};
use crate::model::history::{Dimension, Key, Metric, TopQuestion};
use crate::model::protocol_names::{
    filter_names, protocol_label, protocol_number, service_names, service_ports,
};
use crate::model::tcp_flags;
use crate::model::time_range::TimeRange;
use crate::model::traffic::Direction;

/// How far back values are looked for.
const LATELY_MS: i64 = 3_600_000;
/// How long values that were found are offered.
const FRESH: Duration = Duration::from_secs(30);
/// Values of one field.
const MOST_VALUES: u32 = 1_000;
/// Values that are offered for one prefix.
const OFFERED: usize = 20;

/// When values were looked for, and those that were found.
type Found = (Instant, Arc<Vec<Key>>);

/// The values that were seen lately, of each field that was asked for.
#[derive(Debug, Default)]
pub struct Seen(Mutex<HashMap<Dimension, Found>>);

impl Seen {
    fn fresh(&self, dimension: Dimension) -> Option<Arc<Vec<Key>>> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, keys) = seen.get(&dimension)?;
        (asked.elapsed() < FRESH).then(|| Arc::clone(keys))
    }

    fn keep(&self, dimension: Dimension, keys: &Arc<Vec<Key>>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(dimension, (Instant::now(), Arc::clone(keys)));
    }
}

impl History {
    /// Values of a field whose text or name, or a word of it, begins with `prefix`: those with most bytes lately first.
    /// `now_ms` is the time, milliseconds since 1970.
    pub async fn suggestions(
        &self,
        field: &str,
        prefix: &str,
        now_ms: i64,
        naming: &Naming,
    ) -> Result<Vec<Key>, QuestionError> {
        let field = Field::parse(field).map_err(QuestionError::Invalid)?;
        let mut offered: Vec<Key> = Vec::new();
        let wanted = prefix.trim().to_lowercase();
        let seen = match dimension_of(field) {
            Some(dimension) => self.seen_lately(dimension, now_ms, naming).await?,
            None => Arc::default(),
        };
        for key in seen.iter().map(|key| as_compared(field, key)).chain(well_known(field, naming)) {
            let fits = begins(&key.value, &wanted) || begins(&key.label, &wanted);
            if fits && !offered.iter().any(|known| known.value == key.value) {
                offered.push(key);
                if offered.len() == OFFERED {
                    break;
                }
            }
        }
        Ok(offered)
    }

    async fn seen_lately(
        &self,
        dimension: Dimension,
        now_ms: i64,
        naming: &Naming,
    ) -> Result<Arc<Vec<Key>>, QuestionError> {
        if let Some(keys) = self.suggestions.fresh(dimension) {
            return Ok(keys);
        }
        let question = TopQuestion {
            range: TimeRange { from_ms: now_ms - LATELY_MS, to_ms: now_ms + 1 },
            filter: String::new(),
            dimensions: vec![dimension],
            metric: Metric::Bytes,
            rows: MOST_VALUES,
            addresses: false,
        };
        let top = self.top(&question, 0, naming).await?;
        let keys = top.rows.into_iter().filter_map(|row| row.keys.into_iter().next()).collect();
        let keys = Arc::new(keys);
        self.suggestions.keep(dimension, &keys);
        Ok(keys)
    }
}

/// What flows are grouped by to see the values of a field; `None` for amounts.
fn dimension_of(field: Field) -> Option<Dimension> {
    let of = |end: End| if end == End::Either { End::Outside } else { end };
    let field = match field {
        Field::Bytes | Field::Packets => return None,
        Field::Port(End::Either) => Field::Service,
        Field::Interface(End::Either) => Field::Interface(End::Source),
        Field::Address(end) => Field::Address(of(end)),
        Field::Port(end) => Field::Port(end),
        Field::Country(end) => Field::Country(of(end)),
        Field::AsNumber(end) => Field::AsNumber(of(end)),
        Field::City(end) => Field::City(of(end)),
        other => other,
    };
    Some(Dimension::Field(field))
}

/// The value as the field is compared with: of a city its name, of a service its port.
fn as_compared(field: Field, key: &Key) -> Key {
    let value = match field {
        Field::City(_) => key.value.rsplit_once(", ").map_or(key.value.as_str(), |(city, _)| city),
        Field::Service | Field::Port(_) => {
            key.value.split_once('/').map_or(key.value.as_str(), |(port, _)| port)
        }
        // Its label is how the filter writes it.
        Field::TcpFlags => return Key { value: key.label.clone(), label: String::new() },
        _ => key.value.as_str(),
    };
    Key { value: value.to_owned(), label: key.label.clone() }
}

/// Values that are known without any traffic.
fn well_known(field: Field, naming: &Naming) -> Vec<Key> {
    let key = |value: &str, label: &str| Key { value: value.to_owned(), label: label.to_owned() };
    match field {
        Field::Country(_) => {
            countries().iter().map(|country| key(country.code.as_str(), country.name)).collect()
        }
        Field::Protocol => filter_names()
            .map(|name| key(name, &protocol_number(name).map(protocol_label).unwrap_or_default()))
            .collect(),
        Field::TcpFlags => {
            tcp_flags::USUAL.iter().map(|(flags, note)| key(&tcp_flags::text(*flags), note)).collect()
        }
        Field::Service | Field::Port(_) => {
            let all = service_names().flat_map(|name| service_ports(name).map(move |port| (port, name)));
            all.map(|(port, name)| key(&port.to_string(), name)).collect()
        }
        Field::Direction => Direction::ALL.iter().map(|direction| key(direction.name(), "")).collect(),
        Field::Exporter => naming.exporters().map(|address| key(&address.to_string(), "")).collect(),
        Field::Interface(_) => naming
            .interfaces(None)
            .map(|interface| {
                let name = if interface.name.is_empty() { interface.description } else { interface.name };
                Key { value: interface.index.to_string(), label: name }
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// True when the text or a word of it begins so.
fn begins(text: &str, wanted: &str) -> bool {
    let text = text.to_lowercase();
    text.starts_with(wanted)
        || text.split([' ', '-', '/', '.', ',', '(']).any(|word| word.starts_with(wanted))
}
