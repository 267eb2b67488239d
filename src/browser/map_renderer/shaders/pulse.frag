uniform float u_light;
uniform float u_at_source;
in vec2 v_point;
in float v_size;
in float v_strength;
flat in vec3 v_colour;
out vec4 colour;

void main() {
    float away = length(v_point);
    float ring = 1.0 - smoothstep(0.3, 1.4, abs(away - v_size));
    float spot = 1.0 - smoothstep(1.2, 2.6, away);
    float inside = 0.14 * (1.0 - smoothstep(v_size - 1.0, v_size, away));
    float cover = u_at_source > 0.5
        ? 1.0 - smoothstep(v_size - 1.0, v_size + 0.6, away)
        : max(max(ring, inside), spot * v_strength);
    cover *= v_strength;
    vec3 paint = mix(v_colour, vec3(1.0), 0.35 * spot * u_light);
    colour = vec4(paint * cover, cover * mix(1.0, 0.6, u_light));
}
