// Where a place is, in pixels from the middle of the canvas, right and up. As `projection.rs` says it.

uniform vec2 u_centre;    // degrees east and north in the middle
uniform float u_middle;   // height of the middle on the flat map, degrees of longitude
uniform float u_stretch;  // 0.8 Miller's, 1 Mercator's
uniform float u_scale;    // pixels of a degree of longitude on the flat map
uniform float u_radius;   // pixels of the globe's radius
uniform float u_globe;    // 0 flat, 1 globe, between them on the way
uniform vec2 u_half;      // half of the canvas, pixels

const float PI = 3.141592653589793;
const float DEGREE = PI / 180.0;

vec2 on_plane(vec2 place, float turn) {
    float angle = clamp(place.y, -89.5, 89.5) * DEGREE * u_stretch;
    float height = log(tan(0.25 * PI + 0.5 * angle)) / (u_stretch * DEGREE);
    return u_scale * vec2(place.x + turn - u_centre.x, height - u_middle);
}

vec3 tilted(vec3 east_north_near) {
    float tilt = u_centre.y * DEGREE;
    vec3 p = east_north_near;
    return vec3(p.x, cos(tilt) * p.y - sin(tilt) * p.z, sin(tilt) * p.y + cos(tilt) * p.z);
}

vec3 on_sphere(vec2 place) {
    float turn = (place.x - u_centre.x) * DEGREE;
    float latitude = place.y * DEGREE;
    return tilted(vec3(cos(latitude) * sin(turn), sin(latitude), cos(latitude) * cos(turn)));
}

// The point on the canvas, and above 0 where it is to be seen: on the near side of the globe, and on the way
// between flat and globe within half a turn from the middle.
vec3 placed(vec2 place, float turn) {
    vec2 flat_point = on_plane(place, turn);
    if (u_globe == 0.0) {
        return vec3(flat_point, 1.0);
    }
    vec3 sphere = on_sphere(place);
    float near = sphere.z + 1.2 * (1.0 - u_globe);
    if (u_globe < 1.0) {
        near = min(near, 180.0 - abs(place.x + turn - u_centre.x));
    }
    return vec3(mix(flat_point, sphere.xy * u_radius, u_globe), near);
}

vec4 on_canvas(vec2 point) {
    return vec4(point / u_half, 0.0, 1.0);
}
