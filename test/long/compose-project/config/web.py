# The web application: counts in redis, reads from postgresql, and says who answered.
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

cache = redis.Redis(host=os.environ['CACHE_HOST'])


def words():
    connection = psycopg2.connect(host=os.environ['DATABASE_HOST'], user='postgres', dbname='postgres')
    with connection, connection.cursor() as cursor:
        cursor.execute('SELECT word FROM words ORDER BY word')
        return ' '.join(row[0] for row in cursor.fetchall())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/health':
            text = words()
        elif self.path == '/count':
            text = str(cache.incr('hits'))
        elif self.path == '/who':
            text = socket.gethostname()
        else:
            text = words()
        body = (text + '\n').encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print(self.headers.get('X-Peer', '-'), self.path, flush=True)


ThreadingHTTPServer(('', 8000), Handler).serve_forever()
