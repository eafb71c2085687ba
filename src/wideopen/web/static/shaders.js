// The programs of the preview. Rows run from the top: v = 0 is the picture's first row.
// @ts-check

/** Most points that an aperture is sampled at, all sets of them together. */
export const POINTS = 192;

export const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const RADIUS = `
uniform sampler2D disparity;
uniform vec4 lens;  // px for each unit of disparity, farthest disparity in focus, the subject's radius, the largest radius
uniform float near;  // nearest disparity in focus
float radiusAt(vec2 at) {
  float there = textureLod(disparity, at, 0.0).r;
  return clamp(lens.x * (clamp(there, lens.y, near) - there), -lens.w, lens.w);
}`;

/** Light of everything but the subject (share 0) or of the subject (share 1), premultiplied by its opacity. */
export const LIGHT = `#version 300 es
precision highp float;
uniform sampler2D photo, behind, matte, lamps;
uniform vec2 size;
uniform float gain, subject;
${RADIUS}
out vec4 light;
void main() {
  vec2 at = gl_FragCoord.xy / size;
  float opacity = textureLod(matte, at, 0.0).r;
  vec3 own = textureLod(photo, at, 0.0).rgb;
  float raised = 1.0 + (gain - 1.0) * textureLod(lamps, at, 0.0).r;
  if (subject > 0.5) { light = vec4(own * raised, 1.0) * opacity; return; }
  float shows = clamp((max(abs(radiusAt(at)), abs(lens.z)) - 0.5) / 1.5, 0.0, 1.0);
  light = vec4(mix(own, textureLod(behind, at, 0.0).rgb, shows) * raised, 1.0) * (1.0 - opacity);
}`;

/**
 * Every pixel the mean of what its own disc covers, in the aperture's shape. Wide discs are sampled in smaller copies of
 * the picture, so that a few dozen points are enough for any.
 */
export const GATHER = `#version 300 es
precision highp float;
uniform sampler2D light;
uniform vec2 size;
uniform float level, only, vignette;
uniform vec2 span;
uniform ivec2 sets[4];
uniform vec4 points[${POINTS / 2}];
${RADIUS}
out vec4 seen;
void main() {
  vec2 at = gl_FragCoord.xy * exp2(level) / size;
  float radius = only > 0.5 ? lens.z : radiusAt(at);
  float wide = abs(radius);
  seen = vec4(0.0);
  if (wide < span.x || wide >= span.y) return;
  if (wide <= 0.5) { seen = textureLod(light, at, 0.0); return; }
  float small = clamp(floor(log2(wide / 2.6)), 0.0, 6.0);
  float within = wide / exp2(small);
  ivec2 set = sets[within < 1.4 ? 0 : within < 2.6 ? 1 : within < 3.8 ? 2 : 3];
  vec2 step = radius / size, aside = vec2(0.0);
  if (vignette > 0.0) aside = 2.0 * vignette * (at - 0.5) * 2.0 * size / length(size);
  for (int index = set.x; index < set.y; index++) {
    vec4 pair = points[index >> 1];
    vec2 point = (index & 1) == 0 ? pair.xy : pair.zw;
    vec4 there = textureLod(light, at - step * point, small);
    if (vignette > 0.0) there *= step.x > 0.0 ? float(length(point - aside) <= 1.0) : float(length(point + aside) <= 1.0);
    seen += there;
  }
  if (vignette > 0.0 && seen.a == 0.0) seen = textureLod(light, at, small);
  else if (vignette == 0.0) seen /= float(set.y - set.x);
  else {
    float count = 0.0;
    for (int index = set.x; index < set.y; index++) {
      vec4 pair = points[index >> 1];
      vec2 point = (index & 1) == 0 ? pair.xy : pair.zw;
      count += step.x > 0.0 ? float(length(point - aside) <= 1.0) : float(length(point + aside) <= 1.0);
    }
    seen /= max(count, 1.0);
  }
}`;

/** The layers over one another, encoded; or a view of depth or matte. */
export const COMPOSE = `#version 300 es
precision highp float;
uniform sampler2D near0, near1, near2, subject, photo, matte, drawn;
uniform vec2 size, depths;
uniform float view;
${RADIUS}
out vec4 shown;
vec3 encode(vec3 light) {
  light = clamp(light, 0.0, 1.0);
  return mix(light * 12.92, 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, light));
}
vec3 inferno(float t) {
  const vec3 c0 = vec3(0.0002, 0.0016, -0.0194), c1 = vec3(0.1065, 0.5639, 3.9327), c2 = vec3(11.6024, -3.9728, -15.9423);
  const vec3 c3 = vec3(-41.7039, 17.4363, 44.3541), c4 = vec3(77.1629, -33.4023, -81.8073);
  const vec3 c5 = vec3(-71.3194, 32.6260, 73.2095), c6 = vec3(25.1311, -12.2426, -23.0703);
  return c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * (c5 + t * c6)))));
}
vec4 over(float wide, vec2 at) {
  float half_ = smoothstep(4.3, 5.7, wide), quarter = smoothstep(16.0, 20.0, wide);
  return textureLod(near0, at, 0.0) * max(1.0 - half_, 1e-3)
    + textureLod(near1, at, 0.0) * max(half_ - quarter, 1e-3) + textureLod(near2, at, 0.0) * max(quarter, 1e-3);
}
void main() {
  vec2 at = vec2(gl_FragCoord.x, size.y - gl_FragCoord.y) / size;
  vec3 own = textureLod(photo, at, 0.0).rgb;
  float opacity = textureLod(matte, at, 0.0).r, radius = radiusAt(at);
  if (view == 3.0) { shown = vec4(encode(textureLod(drawn, at, 0.0).rgb), 1.0); return; }
  if (view == 2.0) {
    float grey = dot(encode(own), vec3(0.2, 0.7, 0.1));
    shown = vec4(mix(mix(vec3(grey), vec3(0.16, 0.28, 0.85), 0.55) * 0.6, encode(own), opacity), 1.0);
    return;
  }
  if (view == 1.0) {
    float nearness = mix(textureLod(disparity, at, 0.0).r, 0.0, opacity);
    vec3 colour = clamp(inferno(clamp((nearness - depths.x) / max(depths.y - depths.x, 1e-6), 0.0, 1.0)), 0.0, 1.0);
    float wide = abs(mix(radius, lens.z, opacity));
    bool stripe = mod(gl_FragCoord.x + gl_FragCoord.y, 14.0) < 4.0;
    if (wide <= 1.0) colour = stripe ? vec3(0.0, 0.55, 1.0) : mix(colour, vec3(1.0), 0.18);
    shown = vec4(colour, 1.0);
    return;
  }
  vec4 rest = over(abs(radius), at);
  vec3 seen = rest.a > 1e-5 ? rest.rgb / rest.a : own;
  vec4 front = textureLod(subject, at, 0.0);
  shown = vec4(encode(front.rgb + (1.0 - front.a) * seen), 1.0);
}`;
