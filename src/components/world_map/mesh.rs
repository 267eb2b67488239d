//! What the renderer uploads once: triangles of the land and segments of the outlines.
//!
//! Long edges are halved until a globe made of them looks round. Whether an edge is halved depends on its ends
//! alone, so that neighbours never tear apart. Outlines come in three levels of detail and in pieces of 30°, so
//! that little is drawn that nobody sees.

use std::collections::{BTreeMap, HashMap};

use super::base_map::{BaseMap, Outline, Point};

/// Longest edge in degrees of a great circle, roughly.
const LONGEST_EDGE: f32 = 4.0;
/// Degrees between two lines of the graticule.
const GRATICULE: i16 = 15;
/// Points nearer than this to the last are left out, in degrees, at each level of detail.
const COARSENESS: [f32; LEVELS] = [0.0, 0.13, 0.32];
/// Levels of detail, the finest first.
pub const LEVELS: usize = 3;
/// Degrees of a piece.
const PIECE: f32 = 30.0;

/// What a segment is a piece of; the shader knows these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Land from water.
    Coast = 0,
    /// Two countries.
    Border = 1,
    /// The net of meridians and parallels.
    Graticule = 2,
}

/// Vertices and segments of the whole world.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// Corners of triangles: degrees east, degrees north, position of the country.
    pub corners: Vec<[f32; 3]>,
    /// Three indices into `corners` a triangle.
    pub triangles: Vec<u32>,
    /// Which triangles belong together, in the order of the triangles.
    pub lands: Vec<LandPiece>,
    /// Segments: degrees east and north of both ends, and positions of the countries on both sides (−1 for the
    /// graticule).
    pub segments: Vec<[f32; 6]>,
    /// Which segments belong together, in the order of the segments.
    pub pieces: Vec<Piece>,
}

/// Triangles of one polygon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LandPiece {
    /// West, south, east and north end.
    pub bounds: [f32; 4],
    /// Position of its first index in the triangles.
    pub first: usize,
    /// Number of its indices.
    pub number: usize,
}

impl LandPiece {
    /// True when it may be seen between these longitudes and latitudes.
    pub fn is_within(&self, [west, south, east, north]: [f32; 4]) -> bool {
        let [own_west, own_south, own_east, own_north] = self.bounds;
        own_west <= east && own_east >= west && own_south <= north && own_north >= south
    }
}

/// Segments of one kind, at one level of detail, in one part of the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// What they are pieces of.
    pub line: Line,
    /// Level of detail, 0 the finest.
    pub level: usize,
    /// Where the piece begins: degrees east.
    pub west: f32,
    /// Where the piece begins: degrees north.
    pub south: f32,
    /// Position of its first segment.
    pub first: usize,
    /// Number of its segments.
    pub number: usize,
}

impl Piece {
    /// True when it may be seen between these longitudes and latitudes; segments reach a little over its edge.
    pub fn is_within(&self, [west, south, east, north]: [f32; 4]) -> bool {
        let margin = LONGEST_EDGE;
        self.west < east + margin
            && self.west + PIECE > west - margin
            && self.south < north + margin
            && self.south + PIECE > south - margin
    }
}

/// The level of detail at which nothing seems to be missing.
pub fn level_at(pixels_per_degree: f64) -> usize {
    match pixels_per_degree {
        density if density < 5.0 => 2,
        density if density < 13.0 => 1,
        _ => 0,
    }
}

/// Segments while they are sorted: by kind, level and piece.
type Sorted = BTreeMap<(Line, usize, i16, i16), Vec<[f32; 6]>>;

impl Mesh {
    /// Makes the mesh of a base map.
    pub fn of(map: &BaseMap) -> Self {
        let mut mesh = Self::default();
        for (country, land) in map.countries.iter().enumerate() {
            for polygon in &land.polygons {
                let corners: Vec<Point> = polygon.rings.iter().flatten().copied().collect();
                let first = mesh.triangles.len();
                mesh.push_land(&corners, &polygon.triangles, small(country));
                let number = mesh.triangles.len() - first;
                mesh.lands.push(LandPiece { bounds: polygon.bounds, first, number });
            }
        }
        let mut sorted = Sorted::new();
        for (level, coarseness) in COARSENESS.into_iter().enumerate() {
            push_outlines(&mut sorted, map, level, coarseness);
            push_graticule(&mut sorted, level);
        }
        for ((line, level, column, row), segments) in sorted {
            let (west, south) = (f32::from(column) * PIECE - 180.0, f32::from(row) * PIECE - 90.0);
            let (first, number) = (mesh.segments.len(), segments.len());
            mesh.pieces.push(Piece { line, level, west, south, first, number });
            mesh.segments.extend(segments);
        }
        mesh
    }

    fn push_land(&mut self, corners: &[Point], triangles: &[[u32; 3]], country: f32) {
        let base = self.corners.len();
        self.corners.extend(corners.iter().map(|point| [point[0], point[1], country]));
        let index = |i: u32| u32::try_from(base).unwrap_or(u32::MAX).saturating_add(i);
        let mut halves: HashMap<(u32, u32), u32> = HashMap::new();
        let mut open: Vec<[u32; 3]> = triangles.iter().map(|triangle| triangle.map(index)).collect();
        while let Some([a, b, c]) = open.pop() {
            let edges = [(a, b, c), (b, c, a), (c, a, b)];
            let longest = edges
                .into_iter()
                .map(|(from, to, apex)| (self.edge_length(from, to), from, to, apex))
                .max_by(|one, other| one.0.total_cmp(&other.0));
            let Some((length, from, to, apex)) = longest else { continue };
            if length <= LONGEST_EDGE {
                self.triangles.extend([a, b, c]);
                continue;
            }
            let half = *halves.entry((from.min(to), from.max(to))).or_insert_with(|| {
                let middle = midpoint(self.point(from), self.point(to));
                self.corners.push([middle[0], middle[1], country]);
                u32::try_from(self.corners.len() - 1).unwrap_or(u32::MAX)
            });
            open.extend([[from, half, apex], [half, to, apex]]);
        }
    }

    fn point(&self, index: u32) -> Point {
        self.corners.get(index as usize).map_or([0.0, 0.0], |corner| [corner[0], corner[1]])
    }

    fn edge_length(&self, from: u32, to: u32) -> f32 {
        length(self.point(from), self.point(to))
    }
}

fn push_outlines(sorted: &mut Sorted, map: &BaseMap, level: usize, coarseness: f32) {
    for arc in &map.arcs {
        let line = match arc.outline {
            Outline::Coast => Line::Coast,
            Outline::Border => Line::Border,
            Outline::Within => continue,
        };
        let points = thinned(&arc.points, coarseness);
        for (from, to) in points.iter().zip(points.iter().skip(1)) {
            let along_seam = from[0].abs() >= 180.0 && to[0].abs() >= 180.0;
            if !along_seam {
                push_line(sorted, *from, *to, (line, level), arc.countries.map(small));
            }
        }
    }
}

/// The points without those that are too near to the one before; ends and the middle stay.
fn thinned(points: &[Point], coarseness: f32) -> Vec<Point> {
    let middle = points.len() / 2;
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for (position, point) in points.iter().enumerate() {
        let is_far = kept.last().is_none_or(|last| length(*last, *point) >= coarseness);
        let stays = position == middle || position + 1 == points.len() || point[0].abs() >= 180.0;
        if is_far || stays {
            kept.push(*point);
        }
    }
    kept
}

fn push_line(sorted: &mut Sorted, from: Point, to: Point, kind: (Line, usize), countries: [f32; 2]) {
    if length(from, to) > LONGEST_EDGE {
        let middle = midpoint(from, to);
        push_line(sorted, from, middle, kind, countries);
        push_line(sorted, middle, to, kind, countries);
    } else {
        let (column, row) = (piece_of(from[0] + 180.0), piece_of(from[1] + 90.0));
        let segment = [from[0], from[1], to[0], to[1], countries[0], countries[1]];
        sorted.entry((kind.0, kind.1, column, row)).or_default().push(segment);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "0 to 12")]
fn piece_of(degrees: f32) -> i16 {
    (degrees / PIECE).floor() as i16
}

fn push_graticule(sorted: &mut Sorted, level: usize) {
    let mut line = |from, to| push_line(sorted, from, to, (Line::Graticule, level), [-1.0, -1.0]);
    for step in -12..12 {
        let longitude = f32::from(step * GRATICULE);
        line([longitude, -75.0], [longitude, 75.0]);
    }
    for step in -5..=5 {
        let latitude = f32::from(step * GRATICULE);
        for part in -6..6i16 {
            let longitude = f32::from(part * 30);
            line([longitude, latitude], [longitude + 30.0, latitude]);
        }
    }
}

/// Positions of countries are below 300, exact in a float.
fn small(position: usize) -> f32 {
    f32::from(u16::try_from(position).unwrap_or(u16::MAX))
}

fn midpoint(from: Point, to: Point) -> Point {
    [f32::midpoint(from[0], to[0]), f32::midpoint(from[1], to[1])]
}

/// Roughly the degrees of a great circle.
fn length(from: Point, to: Point) -> f32 {
    let narrow = f32::midpoint(from[1], to[1]).to_radians().cos();
    ((to[0] - from[0]) * narrow).hypot(to[1] - from[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edge_of_the_mesh_is_too_long_to_bend() {
        let map = BaseMap::parse(include_bytes!("../../../public/base_map.bin")).unwrap();
        let mesh = Mesh::of(&map);
        for triangle in mesh.triangles.chunks_exact(3) {
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                assert!(mesh.edge_length(triangle[from], triangle[to]) <= LONGEST_EDGE);
            }
        }
        assert!(mesh.corners.len() < 80_000, "{} corners", mesh.corners.len());
        assert!(mesh.segments.iter().all(|s| length([s[0], s[1]], [s[2], s[3]]) <= LONGEST_EDGE));
    }

    #[test]
    fn every_segment_is_in_one_piece_and_coarser_levels_have_fewer() {
        let map = BaseMap::parse(include_bytes!("../../../public/base_map.bin")).unwrap();
        let mesh = Mesh::of(&map);
        assert_eq!(mesh.pieces.iter().map(|piece| piece.number).sum::<usize>(), mesh.segments.len());
        let at = |level| {
            let coasts = mesh.pieces.iter().filter(|piece| piece.level == level && piece.line == Line::Coast);
            coasts.map(|piece| piece.number).sum::<usize>()
        };
        assert!(
            at(0) > 15_000 && at(1) < at(0) * 4 / 5 && at(2) < at(0) / 2,
            "{} {} {}",
            at(0),
            at(1),
            at(2)
        );
        for piece in &mesh.pieces {
            for segment in &mesh.segments[piece.first..piece.first + piece.number] {
                assert!(piece.is_within([segment[0], segment[1], segment[0], segment[1]]));
            }
        }
    }
}
