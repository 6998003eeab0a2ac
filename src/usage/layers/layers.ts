import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { parse } from 'yaml';
import type { Layer } from '../../recommendation/settings.js';
import { InjectSettings } from '../../settings/settings.module.js';
import type { Settings } from '../../settings/settings-schema.js';
import { knownLayers } from './known-layers.js';
import { LayerError, type LayerFile, readLayer } from './read-layer.js';

/** The package's `config` folder; src/usage/layers/ and dist/usage/layers/ are equally deep. */
const shippedConfig = fileURLToPath(new URL('../../../config', import.meta.url));

/** A layer that containers are looked at for. */
export interface RegisteredLayer extends LayerFile {
  readonly name: Layer;
}

/** The layers of CONFIG_DIR/layers that the setting LAYERS names, read once at boot. */
@Injectable()
export class Layers {
  readonly registered: readonly RegisteredLayer[];

  /** Throws one LayerError that lists every fault of the files, and names that no file has. Without LAYERS no file is looked at. */
  constructor(@InjectSettings() settings: Pick<Settings, 'CONFIG_DIR' | 'LAYERS'>) {
    const names = [...new Set(settings.LAYERS)];
    this.registered = names.length === 0 ? [] : register(names, readFolder(join(settings.CONFIG_DIR ?? shippedConfig, 'layers')));
  }
}

function register(names: readonly string[], found: ReadonlyMap<string, LayerFile>): RegisteredLayer[] {
  const strange = names.filter((name) => !found.has(name) || !knownLayers.some((known) => known === name));
  if (strange.length > 0) {
    const faults = strange.map((name) => {
      return found.has(name)
        ? `LAYERS: ${name}: nothing is computed for this layer; there are values for ${knownLayers.join(', ')}`
        : `LAYERS: ${name}: no file of CONFIG_DIR/layers has this layer_name; there are ${[...found.keys()].join(', ') || 'none'}`;
    });
    throw new LayerError(faults);
  }
  return names.map((name) => found.get(name) as RegisteredLayer);
}

function readFolder(folder: string): Map<string, LayerFile> {
  const layers = new Map<string, LayerFile>();
  const faults: string[] = [];
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /\.(json|ya?ml)$/.test(file)) : [];
  for (const file of files.sort()) {
    try {
      const layer = readLayer(parseFile(folder, file), file);
      if (layers.has(layer.name)) faults.push(`${file}: layer_name: another file has a layer "${layer.name}" too`);
      layers.set(layer.name, layer);
    } catch (error) {
      if (!(error instanceof LayerError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (faults.length > 0) throw new LayerError(faults);
  return layers;
}

/** JSON is YAML too. */
function parseFile(folder: string, file: string): unknown {
  try {
    return parse(readFileSync(join(folder, file), 'utf8'));
  } catch (error) {
    throw new LayerError([`${file}: not readable as YAML or JSON: ${(error as Error).message.split('\n')[0]}`]);
  }
}
