//! The base map: outlines and triangles of all countries, read from `public/base_map.bin`.
//!
//! The file begins with `MERIDMAP` and the version, 1. Numbers are seven bits a byte, low bits first; signed ones
//! are zigzag. First the arcs: kind (0 coast, 1 border, 2 within a country), number of points, and for each point
//! the steps of 0.01° east and north from the point before. Then the countries: two letters (zeros for nobody's
//! land) and polygons; a polygon is rings of arc references (step from the last, times two, plus one when
//! backwards) and triangles, as `prepare_base_map.rs` tells. A ring that ends on the other side of the world
//! closes by way of the south pole. The reader takes nothing that breaks these rules, never panics, and allocates
//! no more than the length of the file allows.

use crate::model::place::CountryCode;

const MAGIC: &[u8] = b"MERIDMAP\x01";
/// Degrees of one step of the grid.
const STEP: f32 = 0.01;
/// Longest file that is read, in bytes.
const LONGEST_FILE: usize = 1 << 20;

/// A point on the map: degrees east, degrees north.
pub type Point = [f32; 2];

/// The file is not a base map of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the base map is not readable: {field} at byte {offset}")]
pub struct Unreadable {
    /// Where the fault is, in bytes from the beginning.
    pub offset: usize,
    /// What should have stood there.
    pub field: &'static str,
}

/// What an outline separates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// Land from water.
    Coast,
    /// Two countries.
    Border,
    /// Two parts of one country: not to be drawn.
    Within,
}

/// A piece of outline that one or two countries share.
#[derive(Clone, Debug)]
pub struct Arc {
    /// What it separates.
    pub outline: Outline,
    /// Its points in order.
    pub points: Vec<Point>,
    /// Indices of the countries on its sides; both the same for a coast.
    pub countries: [usize; 2],
}

/// One piece of a country's land.
#[derive(Clone, Debug)]
pub struct Polygon {
    /// The outer ring, then the holes, without the first corner repeated.
    pub rings: Vec<Vec<Point>>,
    /// Triangles that fill it: indices into the corners of all its rings, one ring after the other.
    pub triangles: Vec<[u32; 3]>,
    /// West, south, east and north end.
    pub bounds: [f32; 4],
}

/// One country's land.
#[derive(Clone, Debug)]
pub struct Land {
    /// Its code; `None` for land without one.
    pub code: Option<CountryCode>,
    /// Its pieces.
    pub polygons: Vec<Polygon>,
}

/// Outlines and land of all countries.
#[derive(Clone, Debug)]
pub struct BaseMap {
    /// All outlines, each once.
    pub arcs: Vec<Arc>,
    /// All countries that have land at this scale, by code.
    pub countries: Vec<Land>,
}

impl BaseMap {
    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut reader = Reader { bytes, offset: 0 };
        if bytes.len() > LONGEST_FILE || !bytes.starts_with(MAGIC) {
            return Err(reader.fault("magic and version"));
        }
        reader.offset = MAGIC.len();
        let mut arcs = read_arcs(&mut reader)?;
        let mut countries = Vec::new();
        for country in 0..reader.count("number of countries")? {
            let letters = [reader.byte("code")?, reader.byte("code")?];
            let code = match letters {
                [0, 0] => None,
                _ => Some(
                    std::str::from_utf8(&letters)
                        .ok()
                        .and_then(CountryCode::parse)
                        .ok_or_else(|| reader.fault("code"))?,
                ),
            };
            let polygons = (0..reader.count("number of polygons")?)
                .map(|_| read_polygon(&mut reader, &mut arcs, country))
                .collect::<Result<_, _>>()?;
            countries.push(Land { code, polygons });
        }
        if reader.offset != bytes.len() {
            return Err(reader.fault("end"));
        }
        Ok(Self { arcs, countries })
    }

    /// The country at a place, if there is land and it has a code.
    pub fn country_at(&self, longitude: f32, latitude: f32) -> Option<CountryCode> {
        let point = [longitude, latitude];
        self.countries.iter().find(|land| land.polygons.iter().any(|polygon| polygon.contains(point)))?.code
    }

    /// Position of a country in [`Self::countries`].
    pub fn position(&self, code: CountryCode) -> Option<usize> {
        self.countries.iter().position(|land| land.code == Some(code))
    }
}

impl Polygon {
    /// True when the point is in it and in none of its holes.
    pub fn contains(&self, point: Point) -> bool {
        let [west, south, east, north] = self.bounds;
        (west..=east).contains(&point[0])
            && (south..=north).contains(&point[1])
            && self.rings.iter().filter(|ring| is_within(ring, point)).count() % 2 == 1
    }

    /// Area in square degrees, as wide as degrees of longitude are there.
    pub fn area(&self) -> f32 {
        let [_, south, _, north] = self.bounds;
        let narrow = f32::midpoint(south, north).to_radians().cos();
        self.rings.first().map_or(0.0, |ring| {
            let twice: f32 = sides(ring).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
            twice.abs() / 2.0 * narrow
        })
    }
}

/// The sides of a ring, the last one back to the first corner.
fn sides(ring: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

/// Counts the sides that a way to the east crosses.
fn is_within(ring: &[Point], point: Point) -> bool {
    sides(ring)
        .filter(|(a, b)| {
            (a[1] > point[1]) != (b[1] > point[1])
                && point[0] < a[0] + (point[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        })
        .count()
        % 2
        == 1
}

fn read_arcs(reader: &mut Reader) -> Result<Vec<Arc>, Unreadable> {
    let mut arcs = Vec::new();
    let mut at = [0i32; 2];
    for _ in 0..reader.count("number of arcs")? {
        let outline = match reader.byte("kind of arc")? {
            0 => Outline::Coast,
            1 => Outline::Border,
            2 => Outline::Within,
            _ => return Err(reader.fault("kind of arc")),
        };
        let mut points = Vec::new();
        for _ in 0..reader.count("number of points")? {
            for (axis, limit) in at.iter_mut().zip([18_000, 9_000]) {
                *axis = axis
                    .checked_add(reader.signed("point")?)
                    .filter(|steps| (-limit..=limit).contains(steps))
                    .ok_or_else(|| reader.fault("point"))?;
            }
            points.push(at.map(degrees));
        }
        if points.is_empty() {
            return Err(reader.fault("number of points"));
        }
        arcs.push(Arc { outline, points, countries: [usize::MAX; 2] });
    }
    Ok(arcs)
}

#[expect(clippy::cast_precision_loss, reason = "at most 18,000 steps, exact in a float")]
fn degrees(steps: i32) -> f32 {
    steps as f32 * STEP
}

fn read_polygon(reader: &mut Reader, arcs: &mut [Arc], country: usize) -> Result<Polygon, Unreadable> {
    let mut rings: Vec<Vec<Point>> = Vec::new();
    for _ in 0..reader.count("number of rings")? {
        let mut ring: Vec<Point> = Vec::new();
        let mut position = 0i32;
        for _ in 0..reader.count("number of arcs in a ring")? {
            let reference = reader.signed("arc")?;
            position = position.saturating_add(reference >> 1);
            let arc = usize::try_from(position)
                .ok()
                .and_then(|position| arcs.get_mut(position))
                .ok_or_else(|| reader.fault("arc"))?;
            let [first, second] = &mut arc.countries;
            if *first == usize::MAX {
                *first = country;
            }
            *second = country;
            if reference & 1 == 0 {
                ring.extend(&arc.points);
            } else {
                ring.extend(arc.points.iter().rev());
            }
        }
        if let (Some(first), Some(last)) = (ring.first().copied(), ring.last().copied())
            && (first[0] - last[0]).abs() > 180.0
        {
            ring.extend([[last[0], -90.0], [first[0], -90.0]]);
        }
        ring.dedup();
        while ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        rings.push(ring);
    }
    let corners = rings.iter().map(Vec::len).sum();
    let triangles = read_triangles(reader, corners)?;
    let bounds = rings.iter().flatten().fold([180.0f32, 90.0, -180.0, -90.0], |bounds, point| {
        [bounds[0].min(point[0]), bounds[1].min(point[1]), bounds[2].max(point[0]), bounds[3].max(point[1])]
    });
    Ok(Polygon { rings, triangles, bounds })
}

fn read_triangles(reader: &mut Reader, corners: usize) -> Result<Vec<[u32; 3]>, Unreadable> {
    let corner = |index: usize, reader: &Reader| {
        if index < corners { u32::try_from(index).ok() } else { None }
            .ok_or_else(|| reader.fault("corner of a triangle"))
    };
    let mut triangles = Vec::new();
    let listed = reader.count("number of listed triangles")?;
    let mut last = 0usize;
    for _ in 0..listed {
        let a = last.saturating_add(reader.number("corner of a triangle")?);
        let b = a.saturating_add(reader.number("corner of a triangle")?);
        let c = b.saturating_add(reader.number("corner of a triangle")?);
        triangles.push([corner(a, reader)?, corner(b, reader)?, corner(c, reader)?]);
        last = a;
    }
    if listed > 0 {
        return Ok(triangles);
    }
    // Every triangle splits its edge in two shorter ones, so this ends.
    let mut edges = vec![(0, corners.saturating_sub(1))];
    while let Some((from, to)) = edges.pop() {
        if to - from < 2 {
            continue;
        }
        let apex = from.saturating_add(reader.number("apex of a triangle")?);
        if apex == from {
            continue;
        }
        if apex >= to {
            return Err(reader.fault("apex of a triangle"));
        }
        triangles.push([corner(from, reader)?, corner(apex, reader)?, corner(to, reader)?]);
        edges.extend([(apex, to), (from, apex)]);
    }
    Ok(triangles)
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    const fn fault(&self, field: &'static str) -> Unreadable {
        Unreadable { offset: self.offset, field }
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, Unreadable> {
        let byte = *self.bytes.get(self.offset).ok_or(self.fault(field))?;
        self.offset += 1;
        Ok(byte)
    }

    fn number(&mut self, field: &'static str) -> Result<usize, Unreadable> {
        let mut number = 0usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte(field)?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.fault(field))
    }

    fn signed(&mut self, field: &'static str) -> Result<i32, Unreadable> {
        let number = i32::try_from(self.number(field)?).map_err(|_| self.fault(field))?;
        Ok((number >> 1) ^ -(number & 1))
    }

    /// A number of things that take at least a byte each.
    fn count(&mut self, field: &'static str) -> Result<usize, Unreadable> {
        let count = self.number(field)?;
        if count > self.bytes.len() - self.offset { Err(self.fault(field)) } else { Ok(count) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::countries::countries;

    const FILE: &[u8] = include_bytes!("../../../public/base_map.bin");

    #[test]
    fn a_known_place_lies_in_its_country() {
        let map = BaseMap::parse(FILE).unwrap();
        for (code, longitude, latitude) in [
            ("ZA", 26.52, -33.31),
            ("LS", 28.2, -29.6),
            ("GB", -0.12, 51.5),
            ("FR", 2.35, 48.86),
            ("GF", -52.6, 4.2),
            ("RU", 37.6, 55.75),
            ("RU", 179.5, 67.5),
            ("RU", -175.0, 66.5),
            ("US", -98.5, 39.8),
            ("US", -150.0, 64.5),
            ("NZ", 175.5, -39.0),
            ("AQ", 0.0, -85.0),
            ("AQ", 170.0, -88.0),
            ("JP", 138.5, 36.2),
            ("SG", 103.82, 1.36),
            ("IT", 12.8, 42.7),
            ("XK", 20.9, 42.6),
            ("SJ", 18.5, 78.6),
            ("AU", 149.1, -35.3),
        ] {
            let expected = CountryCode::parse(code);
            assert_eq!(map.country_at(longitude, latitude), expected, "{longitude} {latitude}");
        }
        for (longitude, latitude) in [(0.0, 0.0), (-150.0, 0.0), (-30.0, 45.0), (50.5, 41.5), (180.0, 40.0)] {
            assert_eq!(map.country_at(longitude, latitude), None, "{longitude} {latitude} is water");
        }
    }

    #[test]
    fn only_known_countries_are_without_land() {
        let map = BaseMap::parse(FILE).unwrap();
        let drawn: BTreeSet<_> = map.countries.iter().filter_map(|land| land.code).collect();
        let missing: Vec<_> =
            countries().iter().map(|country| country.code).filter(|code| !drawn.contains(code)).collect();
        let names: Vec<_> = missing.iter().map(CountryCode::as_str).collect();
        assert_eq!(names, ["BV", "GI", "TK", "TV", "UM"]);
        assert_eq!(map.countries.iter().filter(|land| land.code.is_none()).count(), 1);
    }

    #[test]
    fn the_triangles_of_a_polygon_cover_exactly_its_area() {
        let map = BaseMap::parse(FILE).unwrap();
        for land in &map.countries {
            for polygon in &land.polygons {
                let corners: Vec<Point> = polygon.rings.iter().flatten().copied().collect();
                let ring_area = |ring: &Vec<Point>| {
                    sides(ring)
                        .map(|(a, b)| f64::from(a[0]) * f64::from(b[1]) - f64::from(b[0]) * f64::from(a[1]))
                        .sum::<f64>()
                        .abs()
                };
                let outer = polygon.rings.first().map_or(0.0, ring_area);
                let expected = outer - polygon.rings.iter().skip(1).map(ring_area).sum::<f64>();
                let filled: f64 = polygon
                    .triangles
                    .iter()
                    .map(|triangle| ring_area(&triangle.map(|i| corners[i as usize]).to_vec()))
                    .sum();
                assert!(
                    (filled - expected).abs() <= 0.002 * expected + 0.005,
                    "{:?} at {:?}: {filled} instead of {expected}",
                    land.code,
                    corners.first()
                );
            }
        }
    }

    #[test]
    fn no_outline_jumps_over_the_antimeridian() {
        let map = BaseMap::parse(FILE).unwrap();
        for arc in &map.arcs {
            for pair in arc.points.windows(2) {
                assert!((pair[0][0] - pair[1][0]).abs() < 90.0, "{pair:?}");
            }
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_and_never_panics() {
        for length in (0..FILE.len()).step_by(977) {
            assert!(BaseMap::parse(&FILE[..length]).is_err());
        }
        let mut damaged = FILE.to_vec();
        for position in (0..FILE.len()).step_by(1009) {
            damaged[position] ^= 0x81;
            let _outcome = BaseMap::parse(&damaged).is_ok();
            damaged[position] ^= 0x81;
        }
    }
}
