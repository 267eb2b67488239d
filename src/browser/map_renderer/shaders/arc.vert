// An arc as a strip: two vertices a step from its source to its head, the first and the last once more, so that
// one strip holds all arcs with nothing between them.
uniform vec3 u_palette[8];
uniform float u_steps;
uniform float u_tail;                  // share of the way that is painted behind the head: less when arcs are many
uniform float u_soft;                  // CSS pixels of glow beside the line: less when arcs are many
uniform float u_pass;                  // 0: the copy of the flat world nearest to the middle, 1: the next
out float v_across;                    // −1 to 1
out float v_tail;                      // brightness by the distance from the head
out float v_from_head;                 // CSS pixels behind the head, roughly; negative in the cap
out float v_fade;
out float v_width;                     // CSS pixels
out float v_reach;                     // CSS pixels from the middle of the strip to its edge
out float v_hidden;
flat out float v_travelling;           // 1 on the way, 0 soon after landing
flat out vec3 v_colour;

vec2 flat_arc(vec2 from, vec2 to, float seed, float t) {
    vec2 way = to - from;
    float span = length(way);
    vec2 up = vec2(-way.y, way.x) / max(span, 0.001);
    if (up.y < 0.0) up = -up;
    // There and back take slightly different ways, and so do neighbours.
    float bend = (way.x < 0.0 ? 0.27 : 0.19) + 0.06 * seed;
    vec2 control = 0.5 * (from + to) + up * span * bend;
    return mix(mix(from, control, t), mix(control, to, t), t);
}

vec3 globe_arc(vec3 from, vec3 to, float t) {
    float angle = acos(clamp(dot(from, to), -1.0, 1.0));
    vec3 point = angle < 0.001
        ? mix(from, to, t)
        : (sin((1.0 - t) * angle) * from + sin(t * angle) * to) / max(sin(angle), 0.0001);
    return normalize(point) * (1.0 + 4.0 * t * (1.0 - t) * (0.02 + 0.13 * angle));
}

void main() {
    vec4 ends = arc_texel(0);
    vec4 look = arc_texel(1);
    float seed = fract(dot(ends, vec4(0.37, 0.73, 0.51, 0.29)));
    float age = u_now - look.x;
    gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
    v_across = 0.0;
    v_tail = 0.0;
    v_from_head = 0.0;
    v_fade = 0.0;
    v_width = 1.0;
    v_reach = 1.0;
    v_hidden = 1.0;
    v_travelling = 0.0;
    v_colour = u_palette[int(look.y)];
    if (age < 0.0 || age > u_life) return;

    float share = u_travel > 0.0 ? clamp(age / u_travel, 0.0, 1.0) : 1.0;
    float head = share * share * (3.0 - 2.0 * share);
    // The last step is the round cap before the head.
    int vertex = clamp(gl_VertexID - arc_index() * u_vertices - 1, 0, u_vertices - 3);
    float index = float(vertex >> 1);
    float gone = u_travel > 0.0 ? clamp((age - u_travel) / (u_life - u_travel), 0.0, 1.0) : 0.0;
    float begin = u_tail < 1.0 ? clamp(head - u_tail + 2.0 * u_tail * gone, 0.0, 1.0) : 0.0;
    if (begin >= head) return;
    float t = mix(begin, head, min(index, u_steps - 1.0) / (u_steps - 1.0));
    float side = (vertex & 1) == 0 ? -1.0 : 1.0;

    float turn = arc_turn(ends, u_pass);

    // What is out of sight of a flat map is seen before anything is projected.
    float sight = 1.2 * u_half.x / u_scale;
    float west = min(ends.x, ends.z) + turn - u_centre.x;
    float east = max(ends.x, ends.z) + turn - u_centre.x;
    if (u_globe == 0.0 && (west > sight || east < -sight)) return;

    vec2 point;
    vec2 ahead;
    float span;
    if (is_loop(ends.xy, ends.zw)) {
        vec3 base = placed(ends.xy, turn);
        float size = (7.0 + 1.5 * look.z) * u_pixel;
        float angle = 2.0 * PI * t;
        point = base.xy + size * vec2(sin(angle), 1.0 - cos(angle));
        ahead = base.xy + size * vec2(sin(angle + 0.05), 1.0 - cos(angle + 0.05));
        span = 6.0 * size;
        v_hidden = base.z < 0.0 ? 1.0 : 0.0;
    } else {
        float next = t + 0.01;
        vec2 from = on_plane(ends.xy, turn);
        vec2 to = on_plane(ends.zw, turn);
        span = length(to - from);
        v_hidden = 0.0;
        point = flat_arc(from, to, seed, t);
        ahead = flat_arc(from, to, seed, next);
        if (u_globe > 0.0) {
            vec3 a = on_sphere(ends.xy);
            vec3 b = on_sphere(ends.zw);
            vec3 here = globe_arc(a, b, t);
            vec3 there = globe_arc(a, b, next);
            point = mix(point, here.xy * u_radius, u_globe);
            ahead = mix(ahead, there.xy * u_radius, u_globe);
            span = mix(span, acos(clamp(dot(a, b), -1.0, 1.0)) * u_radius, u_globe);
            float beyond = smoothstep(0.0, -0.06, here.z) * smoothstep(1.02, 1.0, length(here.xy));
            v_hidden = beyond * smoothstep(0.5, 1.0, u_globe);
        }
    }
    vec2 along = ahead - point;
    along = length(along) > 0.0001 ? normalize(along) : vec2(1.0, 0.0);
    vec2 across = vec2(-along.y, along.x);

    v_width = look.z;
    v_travelling = 1.0 - smoothstep(u_travel, u_travel + 0.25, age);
    v_reach = v_width * (u_tail < 1.0 ? 0.75 : 0.95) + u_soft;
    float behind = head - t;
    v_tail = u_travel > 0.0 ? 0.2 + 0.8 * exp(-behind * 4.5) : 0.75;
    if (u_tail < 1.0) v_tail *= smoothstep(0.0, 0.25, (t - begin) / max(head - begin, 0.001));
    v_from_head = behind * span / u_pixel;
    if (index == u_steps) {
        point += along * v_reach * u_pixel;
        v_from_head = -v_reach;
    }
    v_across = side;
    float landed = u_travel > 0.0 ? max(0.0, age - u_travel) : age;
    v_fade = 1.0 - smoothstep(0.0, u_life - u_travel, landed);
    if (u_travel == 0.0) v_fade *= smoothstep(0.0, 0.25, age) * 0.8;
    gl_Position = on_canvas(point + across * side * v_reach * u_pixel);
}
