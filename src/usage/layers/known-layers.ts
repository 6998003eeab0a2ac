import type { Layer } from '../../recommendation/recommendation-settings.js';
import { recommendationTypes } from '../../recommendation/recommendation-types.js';

/** Layers that the engine has values for. */
export const knownLayers = ['container', ...recommendationTypes.runtimes] as const satisfies readonly Layer[];
