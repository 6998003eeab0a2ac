import { z } from 'zod';

const amount = z.looseObject({ amount: z.number() }).optional();
const resources = z.looseObject({ requests: z.looseObject({ cpu: amount, memory: amount }).optional() });
const engine = z.looseObject({ config: resources });
const term = z.looseObject({
  recommendation_engines: z.looseObject({ cost: engine.optional(), performance: engine.optional() }).optional(),
});
const terms = ['long_term', 'medium_term', 'short_term'] as const;

const recordSchema = z.looseObject({
  experiments: z.record(
    z.string(),
    z.looseObject({
      apis: z.looseObject({
        recommendations: z.looseObject({
          response: z
            .array(
              z.looseObject({
                kubernetes_objects: z.array(
                  z.looseObject({
                    type: z.string(),
                    name: z.string(),
                    namespace: z.string(),
                    containers: z.array(
                      z.looseObject({
                        container_name: z.string(),
                        recommendations: z.looseObject({
                          data: z
                            .record(
                              z.string(),
                              z.looseObject({ current: resources, recommendation_terms: z.partialRecord(z.enum(terms), term) }),
                            )
                            .default({}),
                        }),
                      }),
                    ),
                  }),
                ),
              }),
            )
            .default([]),
        }),
      }),
    }),
  ),
});

/** Requests of one container in cores and bytes; absent = not set, or no recommendation. */
export interface Requests {
  readonly cpuCores?: number;
  readonly memoryBytes?: number;
}

/** The recommendation of one record for the longest term with enough data; `term` is absent if there is none. */
export interface ContainerRecommendation {
  readonly namespace: string;
  readonly workload: string;
  readonly workloadType: string;
  readonly container: string;
  readonly term?: 'long' | 'medium' | 'short';
  readonly current: Requests;
  readonly cost: Requests;
  readonly performance: Requests;
}

/** Reads the value of a record of the recommendations topic; returns one row per container. */
export function readRecommendations(value: unknown): ContainerRecommendation[] {
  const objects = Object.values(recordSchema.parse(value).experiments)
    .flatMap(({ apis }) => apis.recommendations.response)
    .flatMap((response) => response.kubernetes_objects);
  return objects.flatMap(({ namespace, name, type, containers }) =>
    containers.map(({ container_name, recommendations }) => {
      const latest = Object.entries(recommendations.data).sort().at(-1)?.[1];
      const found = terms.find((name) => latest?.recommendation_terms[name]?.recommendation_engines);
      const engines = found && latest?.recommendation_terms[found]?.recommendation_engines;
      return {
        namespace,
        workload: name,
        workloadType: type,
        container: container_name,
        term: found?.replace('_term', '') as ContainerRecommendation['term'],
        current: requestsOf(latest?.current),
        cost: requestsOf(engines?.cost?.config),
        performance: requestsOf(engines?.performance?.config),
      };
    }),
  );
}

function requestsOf(config: z.output<typeof resources> | undefined): Requests {
  return { cpuCores: config?.requests?.cpu?.amount, memoryBytes: config?.requests?.memory?.amount };
}
