// A registry's search index, as a program for a namespace: GET /v1/search, which docker-registry itself does not have.
import { createServer } from 'node:http';

const images = [
  { name: 'library/web', description: 'Serves\npages', star_count: 120, is_official: true, is_automated: false },
  {
    name: 'team/web',
    description: 'A description that is longer than forty-five letters',
    star_count: 3,
    is_official: false,
    is_automated: true,
  },
  { name: 'team/db', description: '', star_count: 0, is_official: false, is_automated: false },
];

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://index');
  response.setHeader('Content-Type', 'application/json');
  if (url.pathname === '/v1/_ping') {
    response.setHeader('X-Docker-Registry-Standalone', 'true');
    response.end('true');
    return;
  }
  if (url.pathname !== '/v1/search') {
    response.statusCode = 404;
    response.end('{}');
    return;
  }
  const term = url.searchParams.get('q') ?? '';
  const found = images.filter(({ name }) => name.includes(term)).slice(0, Number(url.searchParams.get('n') ?? 25));
  response.end(JSON.stringify({ num_results: found.length, query: term, results: found }));
});
server.listen(Number(process.argv[2]), '127.0.0.1');
