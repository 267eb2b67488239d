// Segments of outlines and of the graticule, each a quad with round ends.
layout(location = 0) in vec4 a_ends;       // degrees east and north, twice
layout(location = 1) in vec2 a_countries;  // positions of the countries on both sides
uniform float u_turn;
uniform float u_reach;                     // half of the width that is painted, device pixels
out vec2 v_across;                         // device pixels from the first end: along, across
out float v_length;
out float v_near;
flat out vec2 v_countries;

void main() {
    // Four vertices a segment: along 0 or 1, across −1 or 1.
    vec2 corner = vec2((gl_VertexID >> 1) & 1, (gl_VertexID & 1) * 2 - 1);
    // Most of the world's second copy is out of sight: that is seen before anything is projected.
    vec2 east = a_ends.xz + u_turn - u_centre.x;
    float sight = (u_half.x + u_reach) / u_scale;
    if (u_globe == 0.0 && (min(east.x, east.y) > sight || max(east.x, east.y) < -sight)) {
        gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
        return;
    }
    vec3 from = placed(a_ends.xy, u_turn);
    vec3 to = placed(a_ends.zw, u_turn);
    vec2 way = to.xy - from.xy;
    v_length = length(way);
    v_near = min(from.z, to.z);
    v_countries = a_countries;
    vec2 limit = u_half + u_reach;
    bool outside = any(greaterThan(min(from.xy, to.xy), limit)) || any(lessThan(max(from.xy, to.xy), -limit));
    if (v_near < 0.0 || outside) {
        gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
        return;
    }
    vec2 along = v_length > 0.0001 ? way / v_length : vec2(1.0, 0.0);
    vec2 across = vec2(-along.y, along.x);
    float step_along = corner.x < 0.5 ? -u_reach : v_length + u_reach;
    v_across = vec2(step_along, corner.y * u_reach);
    gl_Position = on_canvas(from.xy + along * v_across.x + across * v_across.y);
}
