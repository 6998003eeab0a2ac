import { type Evidence, noEvidence, type OomKill } from './evidence.js';
import { fieldsOf, isGiven, type JsonValue, listOf, numberOf, objectOf } from './json-value.js';
import { RecommendationInputError } from './recommendation-input-error.js';
import { type Resource, recommendationTypes } from './recommendation-types.js';

/** Evidence of a usage file: `{oom_kills: [{at_seconds, limit_bytes}], hpa_resources: ["cpu"]}`; absent = none. Throws a RecommendationInputError. */
export function readEvidence(json: JsonValue): Evidence {
  if (!isGiven(json)) return noEvidence;
  const of = fieldsOf(objectOf(json, ['oom_kills', 'hpa_resources']), json.field);
  return {
    oomKills: isGiven(of('oom_kills')) ? listOf(of('oom_kills')).map(killOf) : [],
    hpaResources: isGiven(of('hpa_resources')) ? listOf(of('hpa_resources')).map(resourceOf) : [],
  };
}

function killOf(json: JsonValue): OomKill {
  const of = fieldsOf(objectOf(json, ['at_seconds', 'limit_bytes']), json.field);
  return {
    atSeconds: numberOf(of('at_seconds'), 'Unix seconds', (seconds) => seconds > 0 && seconds < 1e11),
    limitBytes: numberOf(of('limit_bytes'), 'bytes above 0', (bytes) => bytes > 0 && bytes <= 1e18),
  };
}

function resourceOf({ field, value }: JsonValue): Resource {
  const resource = recommendationTypes.resources.find((known) => known === value);
  if (resource) return resource;
  throw new RecommendationInputError(field, `expected one of ${recommendationTypes.resources.join(', ')}`);
}
