import type { DemoServers } from './start-servers.js';

/** Suggestions for the time while the servers run. */
export function whereNext({ service, kafka, prometheus }: DemoServers, jobId: string): string {
  const job = `${service.url}/bulk?job_id=${jobId}`;
  return `
Where to look next
  the job            curl '${job}'
  the complete job   curl '${job}&include=summary,experiments,metadata'
  a smaller job      curl -X POST ${service.url}/bulk -H 'content-type: application/json' -d '{"filter":{"include":{"namespace":["shop"]}}}'
  the records        a consumer of recommendations-topic, error-topic and summary-topic at ${kafka.bootstrapServers}
  the usage          ${prometheus.url}
  how it works       README.md, docs/architecture.md
`;
}
