//! What dimensions are called, and which ones pages offer.

use super::dimension::Dimension;
use crate::model::filter::{End, Field};

impl Dimension {
    /// What pages call it: `Country outside`, `Source AS`, `Application`.
    pub fn label(self) -> String {
        let (what, end) = match self {
            Self::Network(end) => ("network", end),
            Self::Field(field) => match field {
                Field::Address(end) => ("address", end),
                Field::Port(end) => ("port", end),
                Field::Country(end) => ("country", end),
                Field::AsNumber(end) => ("AS", end),
                Field::City(end) => ("city", end),
                Field::Interface(End::Source) => return "Input interface".to_owned(),
                Field::Interface(_) => return "Output interface".to_owned(),
                Field::Protocol => return "Protocol".to_owned(),
                Field::Direction => return "Direction".to_owned(),
                Field::Exporter => return "Exporter".to_owned(),
                Field::Service => return "Application".to_owned(),
                Field::TcpFlags => return "TCP flags".to_owned(),
                Field::TypeOfService => return "Type of service".to_owned(),
                Field::Vlan => return "VLAN".to_owned(),
                Field::Bytes => return "Bytes".to_owned(),
                Field::Packets => return "Packets".to_owned(),
            },
        };
        let end = match end {
            End::Source => "Source",
            End::Destination => "Destination",
            End::Home => "Home",
            End::Outside | End::Either => "Outside",
        };
        format!("{end} {what}")
    }

    /// What pages offer, by subject, each with what the subject is.
    pub fn offered() -> Vec<(&'static str, &'static str, Vec<Self>)> {
        let ends = |end| {
            let fields = [Field::Country(end), Field::City(end), Field::AsNumber(end)].map(Self::Field);
            let places = [Field::Address(end), Field::Port(end)].map(Self::Field);
            fields.into_iter().chain([Self::Network(end)]).chain(places).collect()
        };
        let of = |fields: &[Field]| fields.iter().copied().map(Self::Field).collect();
        vec![
            ("Outside", "the end that is not in a home network", ends(End::Outside)),
            (
                "Traffic",
                "the flow itself",
                of(&[
                    Field::Service,
                    Field::Protocol,
                    Field::Direction,
                    Field::TcpFlags,
                    Field::TypeOfService,
                    Field::Vlan,
                ]),
            ),
            (
                "Seen at",
                "who exported the flow, and where it passed",
                of(&[Field::Exporter, Field::Interface(End::Source), Field::Interface(End::Destination)]),
            ),
            ("Home", "the end that is in a home network", ends(End::Home)),
            ("Source", "where the flow comes from", ends(End::Source)),
            ("Destination", "where the flow goes to", ends(End::Destination)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_that_is_offered_has_a_name_of_its_own_and_is_read_back() {
        let offered: Vec<_> =
            Dimension::offered().into_iter().flat_map(|(.., dimensions)| dimensions).collect();
        let mut labels: Vec<_> = offered.iter().map(|dimension| dimension.label()).collect();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), offered.len());
        for dimension in offered {
            assert_eq!(Dimension::parse(&dimension.to_string()), Ok(dimension));
        }
    }
}
