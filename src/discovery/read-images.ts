import type { PrometheusSeries } from '../datasource/prometheus-client.js';

/** When a container was seen with an image: first and last instant of the windows that saw it, epoch seconds. */
export interface ImageSighting {
  readonly image: string;
  readonly firstSeconds: number;
  readonly lastSeconds: number;
}

/** The first and the last instant of a series. */
export function readSighting(image: string, { samples }: PrometheusSeries): ImageSighting | undefined {
  const first = samples[0];
  const last = samples[samples.length - 1];
  return first && last && { image, firstSeconds: first[0], lastSeconds: last[0] };
}

/** Images that the latest window saw; several = the window is too long to tell which came last. */
export function latestImages(sightings: readonly ImageSighting[]): ImageSighting[] {
  const latest = Math.max(...sightings.map(({ lastSeconds }) => lastSeconds));
  return sightings.filter(({ lastSeconds }) => lastSeconds === latest);
}

/** The image to show: of the latest window, there the one that appeared later (a rollout under way), then by name. */
export function chooseImage(sightings: readonly ImageSighting[]): string {
  const byAppearance = (a: ImageSighting, b: ImageSighting) => b.firstSeconds - a.firstSeconds || (a.image < b.image ? -1 : 1);
  return latestImages(sightings).sort(byAppearance)[0]?.image ?? '';
}

/**
 * The latest images as finer windows over their latest window saw them; undefined where those saw none of them
 * (windows shorter than the distance of two samples).
 */
export function refineSightings(coarse: readonly ImageSighting[], finer: readonly ImageSighting[]): ImageSighting[] | undefined {
  const refined = latestImages(coarse).flatMap((sighting) => {
    const seen = finer.find(({ image }) => image === sighting.image);
    const appearedBefore = sighting.firstSeconds < sighting.lastSeconds;
    return seen ? [{ ...seen, firstSeconds: appearedBefore ? sighting.firstSeconds : seen.firstSeconds }] : [];
  });
  return refined.length > 0 ? refined : undefined;
}
