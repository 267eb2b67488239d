//! Makes `public/base_map.bin` of Natural Earth's countries at 1:50 million.
//!
//! `cargo run --features prepare --bin prepare_base_map -- countries-50m.json public/base_map.bin`, where the
//! input is `countries-50m.json` of the npm package `world-atlas` 2.0.2. Rings that cross 180° are cut there,
//! arcs are simplified and rounded to the grid, polygons are triangulated. Overseas parts that have a code of
//! their own in address databases are taken out of their country. The same input gives the same bytes. The
//! format is told in `components/world_map/base_map.rs`, which reads it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use meridian::model::countries::{country, country_of_number};
use meridian::model::place::CountryCode;
use serde_json::Value;

/// Grid steps in a degree.
const STEPS_PER_DEGREE: f64 = 100.0;
/// How far a simplified outline may leave the original, in degrees of latitude.
const TOLERANCE: f64 = 0.025;
/// Rings smaller than this are left out, unless they are the largest of their country, in square degrees.
const SMALLEST_RING: f64 = 0.0016;

type Point = [f64; 2];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        bail!("usage: prepare_base_map countries-50m.json base_map.bin");
    };
    let topology: Value = serde_json::from_slice(&std::fs::read(&input).with_context(|| input.clone())?)?;
    let bytes = prepare(&topology)?;
    std::fs::write(&output, &bytes).with_context(|| output.clone())?;
    println!("{output}: {} bytes", bytes.len());
    Ok(())
}

/// One polygon: rings of arc references (`!i` is arc `i` backwards), the first ring outside.
struct Polygon {
    code: Option<CountryCode>,
    rings: Vec<Vec<i32>>,
}

fn prepare(topology: &Value) -> Result<Vec<u8>> {
    let original = arcs_of(topology)?;
    let mut polygons = polygons_of(topology, &original)?;
    let (cut, parts) = cut_at_180(&original);
    for polygon in &mut polygons {
        polygon.rings = std::mem::take(&mut polygon.rings)
            .into_iter()
            .flat_map(|ring| close_along_180(&references_after_cut(&ring, &parts), &cut))
            .collect();
    }
    split_into_outer_rings(&mut polygons, &cut);
    drop_small_islands(&mut polygons, &cut);

    let mut arcs: Vec<Vec<[i32; 2]>> = cut.iter().map(|arc| on_grid(&simplified(arc))).collect();
    for polygon in &polygons {
        if !is_well_filled(polygon, &arcs)? {
            for &reference in polygon.rings.iter().flatten() {
                let position = arc_index(reference);
                arcs[position] = on_grid(&cut[position]);
            }
        }
    }
    encode(&polygons, &arcs)
}

/// Undoes the quantization and the deltas of the topology.
fn arcs_of(topology: &Value) -> Result<Vec<Vec<Point>>> {
    let pair = |value: &Value| -> Option<Point> { Some([value.get(0)?.as_f64()?, value.get(1)?.as_f64()?]) };
    let scale = pair(&topology["transform"]["scale"]).context("no scale")?;
    let translate = pair(&topology["transform"]["translate"]).context("no translate")?;
    let arcs = topology["arcs"].as_array().context("no arcs")?;
    arcs.iter()
        .map(|arc| {
            let mut at = [0.0, 0.0];
            arc.as_array()
                .context("an arc is no list")?
                .iter()
                .map(|delta| {
                    let delta = pair(delta).context("a point is no pair")?;
                    at = [at[0] + delta[0], at[1] + delta[1]];
                    Ok([at[0] * scale[0] + translate[0], at[1] * scale[1] + translate[1]])
                })
                .collect()
        })
        .collect()
}

fn polygons_of(topology: &Value, arcs: &[Vec<Point>]) -> Result<Vec<Polygon>> {
    let mut polygons = Vec::new();
    for geometry in topology["objects"]["countries"]["geometries"].as_array().context("no countries")? {
        let one: Vec<Value>;
        let parts = match geometry["type"].as_str() {
            Some("Polygon") => {
                one = vec![geometry["arcs"].clone()];
                &one
            }
            Some("MultiPolygon") => geometry["arcs"].as_array().context("no arcs")?,
            other => bail!("cannot read a geometry of type {other:?}"),
        };
        for part in parts {
            let rings = part
                .as_array()
                .context("a polygon is no list")?
                .iter()
                .map(|ring| {
                    ring.as_array()
                        .context("a ring is no list")?
                        .iter()
                        .map(|reference| Ok(i32::try_from(reference.as_i64().context("no reference")?)?))
                        .collect::<Result<Vec<i32>>>()
                })
                .collect::<Result<Vec<_>>>()?;
            let first = arcs[arc_index(rings[0][0])][0];
            polygons.push(Polygon { code: code_of(geometry, first)?, rings });
        }
    }
    Ok(polygons)
}

/// The code of a polygon of a geometry, by any of its points.
///
/// Land that nobody's code covers (Siachen Glacier) has none.
fn code_of(geometry: &Value, [longitude, latitude]: Point) -> Result<Option<CountryCode>> {
    let name = geometry["properties"]["name"].as_str().unwrap_or_default();
    let text = match name {
        "Kosovo" => "XK",
        "Somaliland" => "SO",
        "N. Cyprus" => "CY",
        "Siachen Glacier" => return Ok(None),
        "Indian Ocean Ter." if longitude > 100.0 => "CX",
        "Indian Ocean Ter." => "CC",
        "France" if (45.0..46.0).contains(&longitude) && latitude < 0.0 => "YT",
        "France" if longitude > 50.0 => "RE",
        "France" if longitude < -50.0 && latitude < 10.0 => "GF",
        "France" if longitude < -50.0 && latitude < 15.2 => "MQ",
        "France" if longitude < -50.0 => "GP",
        "Norway" if latitude > 73.5 => "SJ",
        "Norway" if latitude > 70.0 && longitude < 0.0 => "SJ",
        "Netherlands" if longitude < -50.0 => "BQ",
        _ => {
            let number: u16 = geometry["id"].as_str().context("no id")?.parse()?;
            return Ok(Some(country_of_number(number).with_context(|| format!("no country {number}"))?.code));
        }
    };
    let code = CountryCode::parse(text).context("no code")?;
    ensure!(country(code).is_some(), "no country {code}");
    Ok(Some(code))
}

fn arc_index(reference: i32) -> usize {
    reference.max(!reference).unsigned_abs() as usize
}

/// Splits every arc where it crosses 180°; also says which new arcs each old one became.
fn cut_at_180(arcs: &[Vec<Point>]) -> (Vec<Vec<Point>>, Vec<Vec<i32>>) {
    let mut cut = Vec::new();
    let mut parts = Vec::new();
    for arc in arcs {
        let mut positions = Vec::new();
        let mut current: Vec<Point> = Vec::new();
        for &point in arc {
            if let Some(&last) = current.last()
                && (point[0] - last[0]).abs() > 180.0
            {
                let side = if last[0] > 0.0 { 180.0 } else { -180.0 };
                let unwrapped = point[0] + 2.0 * side;
                let way = unwrapped - last[0];
                let share = if way == 0.0 { 0.0 } else { (side - last[0]) / way };
                let latitude = last[1] + share * (point[1] - last[1]);
                push_new(&mut current, [side, latitude]);
                positions.push(i32::try_from(cut.len()).unwrap_or(i32::MAX));
                cut.push(std::mem::replace(&mut current, vec![[-side, latitude]]));
            }
            push_new(&mut current, point);
        }
        positions.push(i32::try_from(cut.len()).unwrap_or(i32::MAX));
        cut.push(current);
        parts.push(positions);
    }
    (cut, parts)
}

fn push_new(points: &mut Vec<Point>, point: Point) {
    if points.last().is_none_or(|&last| !is_same(last, point)) {
        points.push(point);
    }
}

fn is_same(one: Point, other: Point) -> bool {
    one.map(f64::to_bits) == other.map(f64::to_bits)
}

fn references_after_cut(ring: &[i32], parts: &[Vec<i32>]) -> Vec<i32> {
    let mut references = Vec::new();
    for &reference in ring {
        let positions = &parts[arc_index(reference)];
        if reference < 0 {
            references.extend(positions.iter().rev().map(|&position| !position));
        } else {
            references.extend(positions);
        }
    }
    references
}

fn start_of(reference: i32, arcs: &[Vec<Point>]) -> Point {
    let arc = &arcs[arc_index(reference)];
    if reference < 0 { arc[arc.len() - 1] } else { arc[0] }
}

fn end_of(reference: i32, arcs: &[Vec<Point>]) -> Point {
    start_of(!reference, arcs)
}

/// Takes a ring apart where it jumps over 180° and closes the pieces along the seam.
///
/// Pieces are joined with straight edges along ±180°, which nobody strokes. A piece that goes once around the
/// world (Antarctica) closes by way of the pole; a ring of the pole itself is left out.
fn close_along_180(ring: &[i32], arcs: &[Vec<Point>]) -> Vec<Vec<i32>> {
    if ring.iter().all(|&reference| arcs[arc_index(reference)].iter().all(|point| point[1] < -89.9)) {
        return Vec::new();
    }
    let jumps = |from: i32, to: i32| (end_of(from, arcs)[0] - start_of(to, arcs)[0]).abs() > 180.0;
    let after_jump = (0..ring.len())
        .find(|&position| jumps(ring[(position + ring.len() - 1) % ring.len()], ring[position]));
    let Some(first) = after_jump else { return vec![ring.to_vec()] };
    let mut pieces: Vec<Vec<i32>> = Vec::new();
    for offset in 0..ring.len() {
        let reference = ring[(first + offset) % ring.len()];
        match pieces.last_mut() {
            Some(piece) if !jumps(piece[piece.len() - 1], reference) => piece.push(reference),
            _ => pieces.push(vec![reference]),
        }
    }
    pieces.retain(|piece| piece.iter().any(|&reference| arcs[arc_index(reference)].len() > 1));
    // On each side, the pieces that belong together end where the next of the same side begins.
    let mut sides: BTreeMap<bool, Vec<i32>> = BTreeMap::new();
    for piece in pieces {
        let east = start_of(piece[0], arcs)[0] > 0.0;
        sides.entry(east).or_default().extend(piece);
    }
    sides.into_values().collect()
}

/// Makes a polygon of its own of every outer ring that the cut has made.
fn split_into_outer_rings(polygons: &mut Vec<Polygon>, arcs: &[Vec<Point>]) {
    let mut extra = Vec::new();
    for polygon in polygons.iter_mut() {
        let Some(first) = polygon.rings.first() else { continue };
        let first_is_east = start_of(first[0], arcs)[0] > 0.0;
        let touches = |ring: &Vec<i32>| ring.iter().any(|&r| start_of(r, arcs)[0].abs() >= 180.0);
        let (apart, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut polygon.rings)
            .into_iter()
            .partition(|ring| touches(ring) && (start_of(ring[0], arcs)[0] > 0.0) != first_is_east);
        polygon.rings = rest;
        extra.extend(apart.into_iter().map(|ring| Polygon { code: polygon.code, rings: vec![ring] }));
    }
    polygons.extend(extra);
    polygons.retain(|polygon| !polygon.rings.is_empty());
    polygons.sort_by_key(|polygon| polygon.code);
}

fn drop_small_islands(polygons: &mut Vec<Polygon>, arcs: &[Vec<Point>]) {
    let area = |ring: &[i32]| {
        let points: Vec<Point> = ring
            .iter()
            .flat_map(|&reference| {
                let mut points = arcs[arc_index(reference)].clone();
                if reference < 0 {
                    points.reverse();
                }
                points
            })
            .collect();
        let twice: f64 = (0..points.len())
            .map(|i| (points[i], points[(i + 1) % points.len()]))
            .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
            .sum();
        twice.abs() / 2.0 * points[0][1].to_radians().cos()
    };
    let mut largest: BTreeMap<Option<CountryCode>, f64> = BTreeMap::new();
    for polygon in polygons.iter() {
        let size = largest.entry(polygon.code).or_default();
        *size = size.max(area(&polygon.rings[0]));
    }
    polygons.retain(|polygon| {
        let size = area(&polygon.rings[0]);
        size >= SMALLEST_RING || largest.get(&polygon.code).is_some_and(|&most| size >= most)
    });
}

/// Douglas and Peucker, with the ends kept; a closed arc is kept at the point farthest from its start, too.
fn simplified(arc: &[Point]) -> Vec<Point> {
    let mut keep = vec![false; arc.len()];
    let last = arc.len() - 1;
    keep[0] = true;
    keep[last] = true;
    let mut spans = vec![(0, last)];
    if is_same(arc[0], arc[last]) && last > 1 {
        let away = |i: &usize| (arc[*i][0] - arc[0][0]).hypot(arc[*i][1] - arc[0][1]);
        let farthest = (0..last).max_by(|a, b| away(a).total_cmp(&away(b))).unwrap_or(0);
        keep[farthest] = true;
        spans = vec![(0, farthest), (farthest, last)];
    }
    for (i, point) in arc.iter().enumerate() {
        keep[i] |= point[0].abs() >= 180.0;
    }
    while let Some((from, to)) = spans.pop() {
        let farthest = (from + 1..to)
            .map(|i| (i, distance_to_segment(arc[i], arc[from], arc[to])))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((i, distance)) = farthest
            && distance > TOLERANCE
        {
            keep[i] = true;
            spans.extend([(from, i), (i, to)]);
        }
    }
    arc.iter().zip(keep).filter_map(|(&point, kept)| kept.then_some(point)).collect()
}

fn distance_to_segment(point: Point, from: Point, to: Point) -> f64 {
    let narrow = point[1].to_radians().cos();
    let to = [(to[0] - from[0]) * narrow, to[1] - from[1]];
    let point = [(point[0] - from[0]) * narrow, point[1] - from[1]];
    let length = to[0] * to[0] + to[1] * to[1];
    let along =
        if length == 0.0 { 0.0 } else { ((point[0] * to[0] + point[1] * to[1]) / length).clamp(0.0, 1.0) };
    (point[0] - along * to[0]).hypot(point[1] - along * to[1])
}

#[expect(clippy::cast_possible_truncation, reason = "at most 18,000 steps")]
fn steps(degrees: f64) -> i32 {
    (degrees * STEPS_PER_DEGREE).round() as i32
}

fn on_grid(arc: &[Point]) -> Vec<[i32; 2]> {
    let mut points: Vec<[i32; 2]> = arc.iter().map(|point| point.map(steps)).collect();
    points.dedup();
    points
}

/// The corners of a ring, as the reader puts them together: no corner twice in a row, nor the first at the end.
fn ring_points(ring: &[i32], arcs: &[Vec<[i32; 2]>]) -> Vec<[i32; 2]> {
    let mut points: Vec<[i32; 2]> = Vec::new();
    for &reference in ring {
        let arc = &arcs[arc_index(reference)];
        if reference < 0 {
            points.extend(arc.iter().rev());
        } else {
            points.extend(arc);
        }
    }
    let pole = steps(-90.0);
    if let (Some(&first), Some(&last)) = (points.first(), points.last())
        && (first[0] - last[0]).abs() > steps(180.0)
    {
        points.extend([[last[0], pole], [first[0], pole]]);
    }
    points.dedup();
    while points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    points
}

fn encode(polygons: &[Polygon], arcs: &[Vec<[i32; 2]>]) -> Result<Vec<u8>> {
    // Arcs in the order of their first use, and who uses them.
    let mut order: Vec<usize> = Vec::new();
    let mut users: BTreeMap<usize, Vec<Option<CountryCode>>> = BTreeMap::new();
    for polygon in polygons {
        for &reference in polygon.rings.iter().flatten() {
            let users = users.entry(arc_index(reference)).or_default();
            if users.is_empty() {
                order.push(arc_index(reference));
            }
            users.push(polygon.code);
        }
    }
    let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(new, &old)| (old, new)).collect();

    let mut bytes = b"MERIDMAP\x01".to_vec();
    push_count(&mut bytes, order.len());
    let mut at = [0, 0];
    for old in &order {
        bytes.push(match users[old].as_slice() {
            [_] => 0,
            [one, other] if one == other => 2,
            _ => 1,
        });
        push_count(&mut bytes, arcs[*old].len());
        for point in &arcs[*old] {
            push_signed(&mut bytes, point[0] - at[0]);
            push_signed(&mut bytes, point[1] - at[1]);
            at = *point;
        }
    }

    let mut countries: BTreeMap<Option<CountryCode>, Vec<&Polygon>> = BTreeMap::new();
    for polygon in polygons {
        countries.entry(polygon.code).or_default().push(polygon);
    }
    push_count(&mut bytes, countries.len());
    for (code, polygons) in countries {
        bytes.extend(code.map_or([0, 0], |code| [code.as_str().as_bytes()[0], code.as_str().as_bytes()[1]]));
        push_count(&mut bytes, polygons.len());
        for polygon in polygons {
            push_count(&mut bytes, polygon.rings.len());
            for ring in &polygon.rings {
                push_count(&mut bytes, ring.len());
                let mut last = 0;
                for &reference in ring {
                    let new = i32::try_from(place[&arc_index(reference)])?;
                    push_signed(&mut bytes, (new - last) * 2 + i32::from(reference < 0));
                    last = new;
                }
            }
            let (corners, triangles) = triangles(polygon, arcs)?;
            push_triangles(&mut bytes, corners, &triangles);
        }
    }
    Ok(bytes)
}

/// False when simplification has made the outline cross itself or vanish: the triangles have another area then.
fn is_well_filled(polygon: &Polygon, arcs: &[Vec<[i32; 2]>]) -> Result<bool> {
    let twice_area = |corners: &[[i32; 2]]| {
        let sides = corners.iter().zip(corners.iter().cycle().skip(1));
        sides
            .map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]))
            .sum::<i64>()
            .abs()
    };
    let rings: Vec<_> = polygon.rings.iter().map(|ring| ring_points(ring, arcs)).collect();
    let areas: Vec<i64> = rings.iter().map(|ring| twice_area(ring)).collect();
    let expected = areas[0] - areas[1..].iter().sum::<i64>();
    let corners: Vec<_> = rings.into_iter().flatten().collect();
    let filled: i64 =
        triangles(polygon, arcs)?.1.iter().map(|triangle| twice_area(&triangle.map(|i| corners[i]))).sum();
    Ok(expected > 0 && (filled - expected).abs() * 500 <= expected)
}

fn triangles(polygon: &Polygon, arcs: &[Vec<[i32; 2]>]) -> Result<(usize, Vec<[usize; 3]>)> {
    let mut corners: Vec<f64> = Vec::new();
    let mut holes = Vec::new();
    for (position, ring) in polygon.rings.iter().enumerate() {
        if position > 0 {
            holes.push(corners.len() / 2);
        }
        corners.extend(ring_points(ring, arcs).iter().flatten().map(|&step| f64::from(step)));
    }
    let indices = earcutr::earcut(&corners, &holes, 2).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let mut triangles: Vec<[usize; 3]> =
        indices.chunks_exact(3).map(|corner| [corner[0], corner[1], corner[2]]).collect();
    for triangle in &mut triangles {
        triangle.sort_unstable();
    }
    triangles.sort_unstable();
    Ok((corners.len() / 2, triangles))
}

/// The triangles as a tree where they are one (a polygon without holes), else as a list.
///
/// A triangle of the corners `a < b < c` stands on the edge from `a` to `c`; on its other two edges stand the next.
/// So the way from the edge between the first and the last corner tells every triangle with one number.
fn push_triangles(bytes: &mut Vec<u8>, corners: usize, triangles: &[[usize; 3]]) {
    let on_edge: BTreeMap<(usize, usize), usize> = triangles.iter().map(|&[a, b, c]| ((a, c), b)).collect();
    let mut tree = vec![0];
    let mut told = 0;
    let mut edges = vec![(0, corners.saturating_sub(1))];
    while let Some((from, to)) = edges.pop() {
        if to - from < 2 {
            continue;
        }
        if let Some(&apex) = on_edge.get(&(from, to)) {
            push_count(&mut tree, apex - from);
            edges.extend([(apex, to), (from, apex)]);
            told += 1;
        } else {
            tree.push(0);
        }
    }
    if told == triangles.len() {
        bytes.extend(tree);
        return;
    }
    push_count(bytes, triangles.len());
    let mut last = 0;
    for [a, b, c] in triangles {
        push_count(bytes, a - last);
        push_count(bytes, b - a);
        push_count(bytes, c - b);
        last = *a;
    }
}

/// Seven bits a byte, the low ones first, the high bit set on all but the last.
fn push_count(bytes: &mut Vec<u8>, mut count: usize) {
    while count >= 0x80 {
        bytes.push(low_bits(count) | 0x80);
        count >>= 7;
    }
    bytes.push(low_bits(count));
}

fn low_bits(count: usize) -> u8 {
    u8::try_from(count & 0x7f).unwrap_or(0x7f)
}

/// Zigzag: 0, −1, 1, −2 … become 0, 1, 2, 3 …
fn push_signed(bytes: &mut Vec<u8>, value: i32) {
    push_count(bytes, ((value << 1) ^ (value >> 31)).cast_unsigned() as usize);
}
