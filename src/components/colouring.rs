//! Which colour an arc gets, and what the legend says about it: the same live and in a replay.

use std::collections::HashMap;

use crate::components::colour_legend::{ColourBy, LegendEntry};
use crate::components::world_map::MapArc;
use crate::model::frame::{Arc, Frame, TopAs, Totals};
use crate::model::place::{Place, Precision};
use crate::model::protocol_names::protocol_label;
use crate::model::traffic::{Direction, Traffic};

/// The colour of everything that has none of its own.
const OTHER: u8 = 7;
/// Protocols with a colour of their own; the protocols named together share one.
const PROTOCOLS: [&[u8]; 6] = [&[6], &[17], &[1, 58], &[47, 4, 41], &[50, 51], &[132]];
/// Where flows of home networks are drawn whose place nobody has set: open water, south-west of everyone.
pub const NEUTRAL_HOME: (f32, f32) = (0.0, -48.0);

/// Which colour stands for what, and how much was drawn of each protocol.
#[derive(Debug, Default)]
pub struct Colouring {
    /// The autonomous system of each colour, 0 where the colour is free.
    systems: [u32; OTHER as usize],
    drawn: HashMap<u8, Traffic>,
}

impl Colouring {
    /// The arcs of a frame as the map draws them. An end without any place is not drawn; the totals count it.
    pub fn map_arcs(&mut self, frame: &Frame, by: ColourBy) -> Vec<MapArc> {
        let place = |index: u32| usize::try_from(index).ok().and_then(|index| frame.places.get(index));
        let mut arcs = Vec::with_capacity(frame.arcs.len());
        for arc in &frame.arcs {
            let ends = place(arc.from).and_then(position).zip(place(arc.to).and_then(position));
            let Some((from, to)) = ends else { continue };
            *self.drawn.entry(protocol_colour(arc.protocol)).or_default() += arc.traffic;
            let colour = self.colour(arc, by);
            arcs.push(MapArc { from, to, colour, bytes: arc.traffic.scaled_bytes, flows: arc.traffic.flows });
        }
        arcs
    }

    /// Forgets what was drawn: another filter applies.
    pub fn clear(&mut self) {
        self.drawn.clear();
    }

    /// Gives the present top systems a colour each. Who stays among them keeps its colour.
    pub fn follow(&mut self, top_as: &[TopAs]) {
        let top =
            || top_as.iter().map(|top| top.as_number).filter(|number| *number > 0).take(self.systems.len());
        let mut newcomers: Vec<_> = top().filter(|number| !self.systems.contains(number)).collect();
        let leavers: Vec<bool> = self.systems.iter().map(|number| !top().any(|top| top == *number)).collect();
        newcomers.reverse();
        for (slot, leaves) in self.systems.iter_mut().zip(leavers) {
            if leaves {
                *slot = newcomers.pop().unwrap_or(0);
            }
        }
    }

    /// The lines of the legend; totals are `None` while they are being counted.
    pub fn legend(&self, by: ColourBy, totals: Option<&Totals>, top_as: &[TopAs]) -> Vec<LegendEntry> {
        match by {
            ColourBy::Direction => Direction::ALL
                .into_iter()
                .zip(0_u8..)
                .map(|(direction, colour)| LegendEntry {
                    colour,
                    name: direction.name().to_owned(),
                    traffic: totals.map(|totals| {
                        totals.by_direction.get(direction.index()).copied().unwrap_or_default()
                    }),
                    term: format!("direction = {}", direction.name()),
                })
                .collect(),
            ColourBy::Protocol => self.protocol_legend(),
            ColourBy::AutonomousSystem => self.system_legend(top_as),
        }
    }

    fn protocol_legend(&self) -> Vec<LegendEntry> {
        let drawn = |colour: u8| self.drawn.get(&colour).copied().unwrap_or_default();
        let own = PROTOCOLS.iter().zip(0_u8..).map(|(numbers, colour)| LegendEntry {
            colour,
            name: match **numbers {
                [1, 58] => "ICMP".to_owned(),
                [47, ..] => "Tunnels".to_owned(),
                [50, ..] => "IPsec".to_owned(),
                ref others => others.first().copied().map(protocol_label).unwrap_or_default(),
            },
            traffic: Some(drawn(colour)),
            term: match **numbers {
                [only] => format!("protocol = {only}"),
                ref several => {
                    let numbers: Vec<_> = several.iter().map(u8::to_string).collect();
                    format!("protocol in ({})", numbers.join(", "))
                }
            },
        });
        let other = LegendEntry {
            colour: OTHER,
            name: "other".to_owned(),
            traffic: Some(drawn(OTHER)),
            term: String::new(),
        };
        let is_seen = |traffic: Traffic| !traffic.is_none();
        // TCP and UDP always have a line, the others once they were seen.
        own.chain([other]).filter(|entry| entry.colour < 2 || entry.traffic.is_some_and(is_seen)).collect()
    }

    fn system_legend(&self, top_as: &[TopAs]) -> Vec<LegendEntry> {
        let mut others = Traffic::NONE;
        let mut lines = Vec::new();
        for top in top_as {
            match self.system_colour(top.as_number) {
                OTHER => others += top.traffic,
                colour => lines.push(LegendEntry {
                    colour,
                    name: if top.name.is_empty() { format!("AS{}", top.as_number) } else { top.name.clone() },
                    traffic: Some(top.traffic),
                    term: format!("as = {}", top.as_number),
                }),
            }
        }
        lines.push(LegendEntry {
            colour: OTHER,
            name: "other".to_owned(),
            traffic: Some(others),
            term: String::new(),
        });
        lines
    }

    fn colour(&self, arc: &Arc, by: ColourBy) -> u8 {
        match by {
            ColourBy::Direction => u8::try_from(arc.direction.index()).unwrap_or(OTHER),
            ColourBy::Protocol => protocol_colour(arc.protocol),
            ColourBy::AutonomousSystem => self.system_colour(arc.as_number),
        }
    }

    fn system_colour(&self, as_number: u32) -> u8 {
        if as_number == 0 {
            return OTHER;
        }
        self.systems
            .iter()
            .zip(0_u8..)
            .find(|(number, _)| **number == as_number)
            .map_or(OTHER, |(_, colour)| colour)
    }
}

fn protocol_colour(protocol: u8) -> u8 {
    PROTOCOLS
        .iter()
        .zip(0_u8..)
        .find(|(numbers, _)| numbers.contains(&protocol))
        .map_or(OTHER, |(_, colour)| colour)
}

/// Where a place is drawn: `(longitude, latitude)`.
fn position(place: &Place) -> Option<(f32, f32)> {
    match place.precision {
        Precision::HomeUnset => Some(NEUTRAL_HOME),
        precision if precision.has_coordinates() => Some((place.longitude, place.latitude)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(numbers: &[u32]) -> Vec<TopAs> {
        let entry = |number: &u32| TopAs { as_number: *number, name: String::new(), traffic: Traffic::NONE };
        numbers.iter().map(entry).collect()
    }

    #[test]
    fn a_system_keeps_its_colour_while_it_is_among_the_tops() {
        let mut colouring = Colouring::default();
        colouring.follow(&top(&[10, 20, 30]));
        let colour = colouring.system_colour(20);
        colouring.follow(&top(&[40, 20, 50]));
        assert_eq!(colouring.system_colour(20), colour);
        assert_eq!(colouring.system_colour(10), OTHER);
        assert_ne!(colouring.system_colour(40), colouring.system_colour(50));
    }

    #[test]
    fn what_is_being_counted_has_no_figure_in_the_legend() {
        let colouring = Colouring::default();
        let known = Totals::default();
        let figures = |totals| {
            let legend = colouring.legend(ColourBy::Direction, totals, &[]);
            legend.iter().filter(|entry| entry.traffic.is_some()).count()
        };
        assert_eq!((figures(None), figures(Some(&known))), (0, Direction::ALL.len()));
    }

    #[test]
    fn what_is_unknown_or_beyond_the_palette_is_grey() {
        let mut colouring = Colouring::default();
        colouring.follow(&top(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(colouring.system_colour(0), OTHER);
        assert_ne!(colouring.system_colour(7), OTHER);
        assert_eq!(colouring.system_colour(8), OTHER);
    }

    #[test]
    fn a_home_without_a_place_is_drawn_at_the_neutral_marker() {
        let home = Place { precision: Precision::HomeUnset, ..Place::default() };
        assert_eq!(position(&home), Some(NEUTRAL_HOME));
        assert_eq!(position(&Place::default()), None);
    }
}
