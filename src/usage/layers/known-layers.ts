import { type Layer, recommendationTypes } from '../../recommendation/settings.js';
/** Layers that the engine has values for. */
export const knownLayers = ['container', ...recommendationTypes.runtimes] as const satisfies readonly Layer[];
