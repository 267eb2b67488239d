// Water: calm, a little lighter in the middle; the globe stands in space with a thin atmosphere.
uniform float u_radius;
uniform float u_globe;
uniform vec2 u_half;
uniform vec3 u_ocean;
uniform vec3 u_space;
uniform vec3 u_glow;
uniform float u_pixel;  // device pixels of a CSS pixel
in vec2 v_point;
out vec4 colour;

void main() {
    float away = length(v_point / u_half);
    vec3 water = mix(u_ocean, u_space, 0.65 * smoothstep(0.35, 1.5, away));
    if (u_globe > 0.0) {
        float r = length(v_point) / u_radius;
        float near = sqrt(max(0.0, 1.0 - r * r));
        vec3 light = normalize(vec3(-0.45, 0.55, 0.75));
        float shine = max(0.0, dot(vec3(v_point / u_radius, near), light));
        vec3 ball = mix(mix(u_space, u_ocean, 0.6), mix(u_ocean, u_glow, 0.22), 0.25 + 0.75 * shine);
        ball = mix(ball, u_glow, 0.55 * pow(1.0 - near, 3.0));
        float halo = exp(-max(0.0, r - 1.0) * 13.0);
        float side = 0.55 + 0.45 * dot(normalize(v_point + 0.001), normalize(light.xy));
        vec3 sky = mix(u_space, u_glow, 0.55 * halo * side);
        float edge = smoothstep(-1.0, 1.0, (1.0 - r) * u_radius / u_pixel);
        water = mix(water, mix(sky, ball, edge), smoothstep(0.0, 1.0, u_globe));
    }
    // A grain smaller than one step of colour keeps the gradient from showing bands.
    float grain = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) - 0.5;
    colour = vec4(water + grain / 255.0, 1.0);
}
