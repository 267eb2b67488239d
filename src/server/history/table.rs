//! Answers as comma-separated values (RFC 4180), for spreadsheets and scripts.

use std::fmt::Display;

use super::naming::country_key;
use crate::model::history::{Amount, Dimension, Distinct, Heatmap, Key, Series, StoredEnd, StoredFlow, Top};
use crate::model::traffic::Traffic;

const TRAFFIC: [&str; 6] =
    ["flows", "bytes", "packets", "scaled_bytes", "scaled_packets", "unknown_sampling"];
const ADDRESSES: [&str; 2] = ["addresses", "addresses_error"];

/// Rows under a line of names.
#[derive(Debug, Default)]
pub struct Table(String);

impl Table {
    fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self::default();
        table.row(names);
        table
    }

    fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        for (position, cell) in cells.into_iter().enumerate() {
            if position > 0 {
                self.0.push(',');
            }
            let cell = cell.as_ref();
            if cell.contains(['"', ',', '\n', '\r']) {
                self.0.push('"');
                self.0.push_str(&cell.replace('"', "\"\""));
                self.0.push('"');
            } else {
                self.0.push_str(cell);
            }
        }
        self.0.push_str("\r\n");
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// One row for each country.
pub fn heatmap(heatmap: &Heatmap) -> Table {
    let mut table = Table::new(["country", "country.name"].into_iter().chain(TRAFFIC).chain(ADDRESSES));
    for row in &heatmap.countries {
        let key = country_key(row.country);
        table.row([key.value, key.label].into_iter().chain(amount(&row.amount)));
    }
    table
}

/// One row for each line and step.
pub fn series(series: &Series, dimensions: &[Dimension]) -> Table {
    let has_addresses = series.addresses.is_some();
    let names = ["start_ms".to_owned()].into_iter().chain(key_names(dimensions));
    let figures = TRAFFIC.into_iter().chain(ADDRESSES.into_iter().filter(|_| has_addresses));
    let mut table = Table::new(names.chain(figures.map(str::to_owned)));
    for line in &series.lines {
        let mut start_ms = series.start_ms;
        for (step, point) in line.points.iter().enumerate() {
            let counted = line.addresses.as_ref().and_then(|addresses| addresses.steps.get(step).copied());
            let counted = distinct(counted).into_iter().filter(|_| has_addresses);
            let row = [start_ms.to_string()].into_iter().chain(keys(&line.keys, dimensions));
            table.row(row.chain(traffic(point)).chain(counted));
            start_ms = start_ms.saturating_add(series.step_ms);
        }
    }
    table
}

/// One row for each group.
pub fn top(top: &Top, dimensions: &[Dimension]) -> Table {
    let names = key_names(dimensions).chain(TRAFFIC.into_iter().chain(ADDRESSES).map(str::to_owned));
    let mut table = Table::new(names);
    for row in &top.rows {
        table.row(keys(&row.keys, dimensions).chain(amount(&row.amount)));
    }
    table
}

/// The line of names above flow records.
pub fn flow_names() -> Table {
    const END: [&str; 10] =
        ["address", "port", "mask", "interface", "as", "country", "region", "city", "latitude", "longitude"];
    let of = |end: &'static str| END.map(move |name| format!("{end}_{name}"));
    let before = ["received_ms", "start_ms", "end_ms", "exporter", "observation_domain"].map(str::to_owned);
    let after = [
        "direction",
        "protocol",
        "type_of_service",
        "tcp_flags",
        "icmp_type_code",
        "vlan",
        "bytes",
        "packets",
        "sampling_interval",
        "is_reverse",
        "flow_end_reason",
    ]
    .map(str::to_owned);
    Table::new(before.into_iter().chain(of("src")).chain(of("dst")).chain(after))
}

/// One row for each flow record, below what is in a table already; what is not known is empty.
pub fn flows(mut table: Table, flows: &[StoredFlow]) -> Table {
    for flow in flows {
        let before = [
            flow.received_ms.to_string(),
            flow.start_ms.to_string(),
            flow.end_ms.to_string(),
            flow.exporter.to_string(),
            flow.observation_domain.to_string(),
        ];
        let after = [
            flow.direction.name().to_owned(),
            flow.protocol.to_string(),
            flow.type_of_service.to_string(),
            flow.tcp_flags.to_string(),
            flow.icmp_type_code.to_string(),
            flow.vlan.to_string(),
            flow.bytes.to_string(),
            flow.packets.to_string(),
            flow.sampling_interval.to_string(),
            flow.is_reverse.to_string(),
            flow.flow_end_reason.to_string(),
        ];
        table.row(before.into_iter().chain(end(&flow.source)).chain(end(&flow.destination)).chain(after));
    }
    table
}

fn end(end: &StoredEnd) -> [String; 10] {
    [
        end.address.to_string(),
        end.port.to_string(),
        end.mask.to_string(),
        end.interface.to_string(),
        end.as_number.to_string(),
        known(end.country),
        end.region.clone(),
        end.city.clone(),
        known(end.latitude),
        known(end.longitude),
    ]
}

fn known(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Each dimension has a column for its value and one for what that is called.
fn key_names(dimensions: &[Dimension]) -> impl Iterator<Item = String> {
    dimensions.iter().flat_map(|dimension| [dimension.to_string(), format!("{dimension}.name")])
}

/// Empty for the rest.
fn keys(keys: &[Key], dimensions: &[Dimension]) -> impl Iterator<Item = String> {
    let cells = dimensions.iter().enumerate().flat_map(move |(position, _)| {
        keys.get(position).map(|key| [key.value.clone(), key.label.clone()]).unwrap_or_default()
    });
    cells.collect::<Vec<_>>().into_iter()
}

fn traffic(traffic: &Traffic) -> [String; 6] {
    [
        traffic.flows,
        traffic.bytes,
        traffic.packets,
        traffic.scaled_bytes,
        traffic.scaled_packets,
        traffic.unknown_sampling,
    ]
    .map(|count| count.to_string())
}

fn amount(amount: &Amount) -> impl Iterator<Item = String> {
    traffic(&amount.traffic).into_iter().chain(distinct(amount.addresses))
}

fn distinct(addresses: Option<Distinct>) -> [String; 2] {
    [known(addresses.map(|addresses| addresses.count)), known(addresses.map(|addresses| addresses.error))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_comma_or_a_quote_is_quoted() {
        let mut table = Table::new(["city", "note"]);
        table.row(["Lyon, FR", "the \"old\" one"]);
        assert_eq!(table.into_text(), "city,note\r\n\"Lyon, FR\",\"the \"\"old\"\" one\"\r\n");
    }
}
